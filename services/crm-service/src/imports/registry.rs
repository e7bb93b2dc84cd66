//! The resources that can be imported: one line each, without code specific to one of them.

use std::{collections::HashMap, pin::Pin};

use db::{HiddenFields, KeyPart, Kind, Purpose, Related, Resource, TenantTx};
use identity::{Permissions, Scope};
use serde_json::Value;
use uuid::Uuid;
use web::Violation;

use super::{
    undo::{self, UndoItem, Undone},
    write::{self, Outcome, ReadyRow},
};
use crate::{
    clients::Client, contacts::Contact, employees::Employee, professionals::Professional, projects::Project,
    suppliers::Supplier, tasks::Task,
};

type Answer<'t, T> = Pin<Box<dyn Future<Output = db::Result<T>> + Send + 't>>;
type Find = for<'t> fn(&'t mut TenantTx, &'t [KeyPart], &'t [Vec<String>], Purpose) -> Answer<'t, Found>;
type Found = HashMap<Vec<String>, Vec<Uuid>>;

/// A field of an importable resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldOf {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// A resource that can be imported.
pub(super) struct Target {
    /// Name of the resource in permissions.
    pub(super) name: &'static str,
    /// Name of the resource in paths.
    pub(super) plural: &'static str,
    pub(super) fields: fn() -> Vec<FieldOf>,
    pub(super) related: &'static [Related],
    pub(super) key: fn(&str) -> Option<KeyPart>,
    pub(super) hidden: fn(&Permissions) -> HiddenFields,
    /// Validates a record that consists of this value.
    pub(super) wrong: fn(Value) -> Vec<Violation>,
    pub(super) find: Find,
    pub(super) write: for<'t> fn(&'t mut TenantTx, Vec<ReadyRow>) -> Answer<'t, Vec<Outcome>>,
    pub(super) remove: for<'t> fn(&'t mut TenantTx, Vec<UndoItem>) -> Answer<'t, Vec<Undone>>,
    pub(super) put_back: for<'t> fn(&'t mut TenantTx, Vec<UndoItem>) -> Answer<'t, Vec<Undone>>,
}

static ALL: &[Target] = &[
    Target::new::<Client>(),
    Target::new::<Contact>(),
    Target::new::<Employee>(),
    Target::new::<Professional>(),
    Target::new::<Project>(),
    Target::new::<Supplier>(),
    Target::new::<Task>(),
];

impl Target {
    /// The resource with this name in paths.
    pub(super) fn of_plural(plural: &str) -> Option<&'static Self> {
        ALL.iter().find(|target| target.plural == plural)
    }

    /// Resources of which these permissions see every record and field, and may do `action` to others' imports. For
    /// them, neither a file's contents nor its references reveal anything. Imports belong to their uploader, not to a
    /// team.
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

    const fn new<R: Resource>() -> Self {
        Self {
            name: R::NAME,
            plural: R::TABLE,
            fields: || {
                R::FIELDS.iter().map(|field| FieldOf { name: field.name(), kind: field.kind() }).collect()
            },
            related: R::RELATIONS,
            key: KeyPart::parse::<R>,
            hidden: HiddenFields::new::<R>,
            wrong: |record| match web::parse_json::<R>(record) {
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
    let found = db::find_by_key::<R>(tx, key, wanted, purpose).await?;
    Ok(found.into_iter().map(|(key, ids)| (key, ids.into_iter().map(Uuid::from).collect())).collect())
}
