//! The records that one may ask about.

use std::pin::Pin;

use db::{Resource, TenantTx};
use identity::Scope;
use kernel::UserId;
use uuid::Uuid;
use web::Result;

use crate::{
    bookings::Booking,
    clients::Client,
    contacts::Contact,
    employees::Employee,
    professionals::Professional,
    projects::Project,
    suppliers::{Supplier, SupplierRelation},
    tasks::Task,
};

type Reached<'t> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 't>>;

/// A kind of record, and whether one of them is within a member's scope.
pub(super) struct Kept {
    name: &'static str,
    pub(super) reached: for<'t> fn(&'t mut TenantTx, Uuid, UserId, Option<Scope>) -> Reached<'t>,
}

const ALL: &[Kept] = &[
    Kept::of::<Booking>(),
    Kept::of::<Client>(),
    Kept::of::<Contact>(),
    Kept::of::<Employee>(),
    Kept::of::<Professional>(),
    Kept::of::<Project>(),
    Kept::of::<Supplier>(),
    Kept::of::<SupplierRelation>(),
    Kept::of::<Task>(),
];

impl Kept {
    /// The kind that permissions call so.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|kept| kept.name == name)
    }

    const fn of<R: Resource>() -> Self {
        Self { name: R::NAME, reached: |tx, id, member, scope| Box::pin(reached::<R>(tx, id, member, scope)) }
    }
}

/// Whoever asks must reach the record themselves.
async fn reached<R: Resource>(
    tx: &mut TenantTx,
    id: Uuid,
    member: UserId,
    scope: Option<Scope>,
) -> Result<bool> {
    db::find::<R>(tx, id.into()).await?;
    match scope {
        Some(scope) => Ok(db::belongs_to::<R>(tx, id.into(), member, scope).await?),
        None => Ok(false),
    }
}
