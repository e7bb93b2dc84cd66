//! The kinds of records that can be imported: a line for each, and nothing that is written for one of them alone.

use std::{collections::HashMap, pin::Pin};

use db::{Hidden, KeyPart, Kind, Purpose, Related, Resource, TenantTx};
use identity::{Permissions, Scope};
use serde_json::Value;
use uuid::Uuid;
use web::Violation;

use super::{
    undo::{self, Undone, Work},
    write::{self, Outcome, Ready},
};
use crate::{
    clients::Client, contacts::Contact, employees::Employee, professionals::Professional, projects::Project,
    suppliers::Supplier, tasks::Task,
};

type Answer<'t, T> = Pin<Box<dyn Future<Output = db::Result<T>> + Send + 't>>;
type Find = for<'t> fn(&'t mut TenantTx, &'t [KeyPart], &'t [Vec<String>], Purpose) -> Answer<'t, Found>;
type Found = HashMap<Vec<String>, Vec<Uuid>>;

/// A field of a kind of records.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldOf {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// A kind of records that can be imported.
pub(super) struct Target {
    /// As permissions name it.
    pub(super) name: &'static str,
    /// As paths name it.
    pub(super) plural: &'static str,
    pub(super) fields: fn() -> Vec<FieldOf>,
    pub(super) related: &'static [Related],
    pub(super) key: fn(&str) -> Option<KeyPart>,
    pub(super) hidden: fn(&Permissions) -> Hidden,
    /// What is wrong with a record that is made of this.
    pub(super) wrong: fn(Value) -> Vec<Violation>,
    pub(super) find: Find,
    pub(super) write: for<'t> fn(&'t mut TenantTx, Vec<Ready>) -> Answer<'t, Vec<Outcome>>,
    pub(super) remove: for<'t> fn(&'t mut TenantTx, Vec<Work>) -> Answer<'t, Vec<Undone>>,
    pub(super) put_back: for<'t> fn(&'t mut TenantTx, Vec<Work>) -> Answer<'t, Vec<Undone>>,
}

static ALL: &[Target] = &[
    Target::of::<Client>(),
    Target::of::<Contact>(),
    Target::of::<Employee>(),
    Target::of::<Professional>(),
    Target::of::<Project>(),
    Target::of::<Supplier>(),
    Target::of::<Task>(),
];

impl Target {
    /// The kind whose path this is.
    pub(super) fn of_plural(plural: &str) -> Option<&'static Self> {
        ALL.iter().find(|target| target.plural == plural)
    }

    /// The kinds of which somebody sees every record, and every field, and may do `action` to anybody's imports: what a file of
    /// them holds is no secret to them, nor what it names other records by. Imports belong to whoever sent them, and to no team.
    pub(super) fn seen_whole(permissions: &Permissions, action: &str) -> Vec<&'static str> {
        if permissions.scope("import", action) != Some(Scope::All) {
            return Vec::new();
        }
        let named = |target: &&Self| target.related.iter().filter_map(|one| Self::of_plural(one.plural()));
        let whole = |target: &&Self| {
            target.is_seen_whole(permissions) && named(target).all(|other| other.is_seen_whole(permissions))
        };
        ALL.iter().filter(whole).map(|target| target.plural).collect()
    }

    fn is_seen_whole(&self, permissions: &Permissions) -> bool {
        permissions.scope(self.name, "read") == Some(Scope::All) && (self.hidden)(permissions).is_empty()
    }

    const fn of<R: Resource>() -> Self {
        Self {
            name: R::NAME,
            plural: R::PLURAL,
            fields: || {
                R::FIELDS.iter().map(|field| FieldOf { name: field.name(), kind: field.kind() }).collect()
            },
            related: R::RELATED,
            key: KeyPart::of::<R>,
            hidden: Hidden::of::<R>,
            wrong: |record| match web::understood::<R>(record) {
                Err(web::Error::Invalid(violations)) => violations,
                _ => Vec::new(),
            },
            find: |tx, key, wanted, purpose| Box::pin(find::<R>(tx, key, wanted, purpose)),
            write: |tx, ready| Box::pin(write::write::<R>(tx, ready)),
            remove: |tx, work| Box::pin(undo::remove::<R>(tx, work)),
            put_back: |tx, work| Box::pin(undo::put_back::<R>(tx, work)),
        }
    }
}

async fn find<R: Resource>(
    tx: &mut TenantTx,
    key: &[KeyPart],
    wanted: &[Vec<String>],
    purpose: Purpose,
) -> db::Result<Found> {
    let found = db::matching::<R>(tx, key, wanted, purpose).await?;
    Ok(found.into_iter().map(|(key, ids)| (key, ids.into_iter().map(Uuid::from).collect())).collect())
}
