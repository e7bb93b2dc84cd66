//! Types of records that access can be explained for.

use std::pin::Pin;

use db::{Resource, ScopeViolation, TenantTx};
use identity::Permissions;
use kernel::UserId;
use uuid::Uuid;
use web::Result;

use crate::{
    activities::Activity,
    bookings::Booking,
    clients::Client,
    contacts::Contact,
    employees::Employee,
    notes::Note,
    professionals::Professional,
    projects::Project,
    suppliers::{Supplier, SupplierRelation},
    tags::Tag,
    tasks::Task,
};

type Told<'t> = Pin<Box<dyn Future<Output = Result<Option<ScopeViolation>>> + Send + 't>>;
type Ask = for<'t> fn(&'t mut TenantTx, Uuid, UserId, &'t Permissions, &'t str) -> Told<'t>;

/// A type of record that access can be explained for.
pub(crate) struct ExplainTarget {
    name: &'static str,
    /// Column with the owner of a record.
    pub(super) owner: &'static str,
    /// Why a record is out of a member's scope; `None` if it is in scope.
    pub(super) beyond: Ask,
    /// True if these permissions read all records of the type.
    pub(crate) reads_all: fn(&Permissions) -> bool,
}

const ALL: &[ExplainTarget] = &[
    ExplainTarget::new::<Activity>(),
    ExplainTarget::new::<Booking>(),
    ExplainTarget::new::<Client>(),
    ExplainTarget::new::<Contact>(),
    ExplainTarget::new::<Employee>(),
    ExplainTarget::new::<Note>(),
    ExplainTarget::new::<Professional>(),
    ExplainTarget::new::<Project>(),
    ExplainTarget::new::<Supplier>(),
    ExplainTarget::new::<SupplierRelation>(),
    ExplainTarget::new::<Tag>(),
    ExplainTarget::new::<Task>(),
];

impl ExplainTarget {
    /// The type with this name in permissions.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|kept| kept.name == name)
    }

    const fn new<R: Resource>() -> Self {
        Self {
            name: R::NAME,
            owner: R::OWNER,
            beyond: |tx, id, member, permissions, action| {
                Box::pin(beyond::<R>(tx, id, member, permissions, action))
            },
            reads_all: db::reads_all::<R>,
        }
    }
}

/// The caller must have access to the record themselves.
async fn beyond<R: Resource>(
    tx: &mut TenantTx,
    id: Uuid,
    member: UserId,
    permissions: &Permissions,
    action: &str,
) -> Result<Option<ScopeViolation>> {
    db::find::<R>(tx, id.into()).await?;
    Ok(db::beyond::<R>(tx, id.into(), member, permissions, action).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_can_be_asked_about() {
        let records = identity::SUBJECTS.iter().filter(|subject| subject.records && subject.name != "import");
        let missing: Vec<&str> =
            records.map(|subject| subject.name).filter(|name| ExplainTarget::named(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}: files are no records; all else is");
    }
}
