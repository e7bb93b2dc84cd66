//! What a caller may know of a type of record: enough for a program to build forms, tables and filters for it.

mod field;
mod limits;

use std::collections::BTreeMap;

use db::HiddenFields;
use identity::{Permissions, Scope};
use serde::Serialize;
use utoipa::ToSchema;

pub use field::FieldDescription;
pub use limits::{Limits, ListLimits};

use crate::{ResourceHandle, Schema, model::COMMON};

/// Actions on records, in the order of their weight.
const ACTIONS: [&str; 4] = ["read", "write", "delete", "purge"];

/// A type of record, as far as the caller may know it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceDescription {
    /// Name in permissions, events and history.
    #[schema(example = "client")]
    name: &'static str,
    /// Path of its operations.
    #[schema(example = "/api/v1/clients")]
    path: String,
    /// Name of one record, for people.
    #[schema(example = "Client")]
    label: String,
    /// Name of several records, for people.
    #[schema(example = "Clients")]
    label_plural: String,
    /// Explanation of what the records are.
    help: Option<String>,
    /// Actions that the caller may perform, each with its scope: `all`, `team` or `own`.
    permissions: BTreeMap<&'static str, &'static str>,
    /// Field with the member who owns a record; null if the caller may not see it.
    owner: Option<&'static str>,
    /// Fields of a record that the caller may see, in their order; those that the server sets are last.
    fields: Vec<FieldDescription>,
    /// Relations to other records, for `expand` and for filters such as `client.status[eq]`.
    relations: Vec<RelationDescription>,
    /// Fields that `q` searches; empty if the records cannot be searched.
    search: Vec<&'static str>,
}

/// A relation of a type of record to another one.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelationDescription {
    /// Name in `expand` and in filters.
    #[schema(example = "client")]
    name: &'static str,
    /// Field with the id of the related record.
    #[schema(example = "client_id")]
    field: &'static str,
    /// Name of the related records in permissions.
    #[schema(example = "client")]
    resource: &'static str,
}

impl ResourceHandle {
    /// Describes the records for a caller with these permissions; `None` if they may do nothing with them.
    #[must_use]
    pub fn description(&self, permissions: &Permissions) -> Option<ResourceDescription> {
        let (schema, hidden) = (self.schema(), self.hidden(permissions));
        let granted = |action| Some((action, word(permissions.scope(schema.name(), action)?)));
        let granted: BTreeMap<_, _> = ACTIONS.into_iter().filter_map(granted).collect();
        if granted.is_empty() {
            return None;
        }
        let visible = |name: &&str| !hidden.hide(name);
        Some(ResourceDescription {
            name: schema.name(),
            path: format!("/api/v1/{}", schema.path),
            label: label(schema.name()),
            label_plural: label(schema.table()),
            help: schema.form.description.clone(),
            permissions: granted,
            owner: Some(schema.access.owner).filter(visible),
            fields: fields(schema, &hidden),
            relations: relations(schema, &hidden, permissions),
            search: schema.search_fields.iter().copied().filter(visible).collect(),
        })
    }
}

fn fields(schema: &Schema, hidden: &HiddenFields) -> Vec<FieldDescription> {
    let own = schema.fields.iter().map(|field| FieldDescription::of_own(schema, field));
    let common = COMMON.iter().map(|field| FieldDescription::of_common(field));
    own.chain(common).filter(|field| !hidden.hide(field.name)).collect()
}

/// The relations that the caller may follow.
fn relations(schema: &Schema, hidden: &HiddenFields, permissions: &Permissions) -> Vec<RelationDescription> {
    let followed = schema.relations.iter().filter(|related| {
        !hidden.hide(related.column) && permissions.scope(related.access.name, "read").is_some()
    });
    let described = followed.map(|related| RelationDescription {
        name: related.name,
        field: related.column,
        resource: related.access.name,
    });
    described.collect()
}

fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::All => "all",
        Scope::Team => "team",
        Scope::Own => "own",
    }
}

/// A name for people: `billing_city` becomes `Billing city`.
fn label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_name_in_words() {
        assert_eq!(label("billing_city"), "Billing city");
        assert_eq!(label("name"), "Name");
        assert_eq!(label(""), "");
    }
}
