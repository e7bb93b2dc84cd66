//! The records that one may ask about.

use std::pin::Pin;

use db::{Beyond, Resource, TenantTx};
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

type Told<'t> = Pin<Box<dyn Future<Output = Result<Option<Beyond>>> + Send + 't>>;
type Ask = for<'t> fn(&'t mut TenantTx, Uuid, UserId, &'t Permissions, &'t str) -> Told<'t>;

/// A kind of record.
pub(crate) struct Kept {
    name: &'static str,
    /// The column that names whose a record is.
    pub(super) owner: &'static str,
    /// Why one of them is beyond a member's reach; `None`: it is not.
    pub(super) beyond: Ask,
    /// Whether somebody with these permissions reads all of them.
    pub(crate) reads_all: fn(&Permissions) -> bool,
}

const ALL: &[Kept] = &[
    Kept::of::<Activity>(),
    Kept::of::<Booking>(),
    Kept::of::<Client>(),
    Kept::of::<Contact>(),
    Kept::of::<Employee>(),
    Kept::of::<Note>(),
    Kept::of::<Professional>(),
    Kept::of::<Project>(),
    Kept::of::<Supplier>(),
    Kept::of::<SupplierRelation>(),
    Kept::of::<Tag>(),
    Kept::of::<Task>(),
];

impl Kept {
    /// The kind that permissions call so.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|kept| kept.name == name)
    }

    const fn of<R: Resource>() -> Self {
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

/// Whoever asks must reach the record themselves.
async fn beyond<R: Resource>(
    tx: &mut TenantTx,
    id: Uuid,
    member: UserId,
    permissions: &Permissions,
    action: &str,
) -> Result<Option<Beyond>> {
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
            records.map(|subject| subject.name).filter(|name| Kept::named(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}: files are no records; all else is");
    }
}
