use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Limits, label};
use crate::{
    FieldSchema, Kind, Schema,
    model::facts,
    query::{is_groupable, measures, operators},
};

/// A field of a record.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts, and the form of an answer")]
pub struct FieldDescription {
    /// Name in JSON, filters, sort orders and exports.
    #[schema(example = "billing_city")]
    pub(super) name: &'static str,
    /// Name for people.
    #[schema(example = "Billing city")]
    label: String,
    /// Explanation of what the field holds.
    help: Option<String>,
    /// Kind of the values: `text`, `choice`, `integer`, `amount`, `id`, `instant`, `date`, `boolean`, `texts` or `json`.
    #[schema(example = "text")]
    kind: &'static str,
    /// Whether requests may set it. The server sets the others.
    writable: bool,
    /// Whether a new record must have it.
    required: bool,
    /// Whether a record can lack a value.
    nullable: bool,
    /// Value of a new record that does not say it.
    default: Option<Value>,
    /// Whether lists can be sorted by it.
    sortable: bool,
    /// Operators of filters; empty if filters cannot use it.
    operators: Vec<&'static str>,
    /// Whether records can be grouped by it.
    groupable: bool,
    /// Functions of measures, such as `sum`, that can be computed of it.
    measures: Vec<&'static str>,
    /// Limits of the values.
    limits: Limits,
    /// Words of a choice; empty for other kinds.
    words: Vec<&'static str>,
    /// For a field with states: the words that may follow each. Null if any word may follow any.
    transitions: Option<BTreeMap<&'static str, &'static [&'static str]>>,
    /// Resource whose ids it holds, such as `client`, or `member`; null for other kinds.
    refers_to: Option<&'static str>,
}

impl FieldDescription {
    /// Describes a field of the resource itself, with what the API document says of it.
    pub(super) fn of_own(schema: &Schema, field: &FieldSchema) -> Self {
        let facts = facts(&schema.form, &schema.parts, field.name);
        let text = |name: &str| facts.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let related = schema.relations.iter().find(|related| related.column == field.name);
        let member = field.is_member.then_some("member");
        Self {
            help: text("description"),
            writable: true,
            required: schema.is_needed(field.name),
            default: schema.defaults.get(field.name).cloned(),
            groupable: is_groupable(schema, field),
            limits: Limits::from_facts(&facts),
            refers_to: related.map(|related| related.access.name).or(member),
            ..Self::of_common(field)
        }
    }

    /// Describes a field that every record has.
    pub(super) fn of_common(field: &FieldSchema) -> Self {
        let refers = field.is_member || matches!(field.name, "created_by" | "updated_by");
        let words = if let Kind::Choice(words) = field.kind { words.to_vec() } else { Vec::new() };
        let transitions = field.transitions.iter().copied().collect::<BTreeMap<_, _>>();
        Self {
            name: field.name,
            label: label(
                field.name.strip_suffix("_id").filter(|_| field.kind == Kind::Id).unwrap_or(field.name),
            ),
            help: None,
            kind: field.kind.name(),
            writable: false,
            required: false,
            nullable: !field.required,
            default: None,
            sortable: field.kind.is_comparable(),
            operators: operators(field.kind),
            groupable: field.kind.is_comparable(),
            measures: measures(field.kind),
            limits: Limits::default(),
            words,
            transitions: Some(transitions).filter(|transitions| !transitions.is_empty()),
            refers_to: refers.then_some("member"),
        }
    }
}
