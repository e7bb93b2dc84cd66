//! The rule for one field of a plan, resolved: its column, its path, and the records that it refers to.

use identity::Permissions;
use resource::ResourceHandle;
use resource::{KeyPart, Kind};

use super::plan::ColumnMapping;
use crate::imports::targets;

/// Rule that fills one field.
pub(super) struct FieldRule {
    /// `None`: the same constant in every row.
    pub(super) column: Option<usize>,
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    pub(super) rule: ColumnMapping,
    pub(super) reference: Option<Reference>,
}

/// How a cell refers to another record.
pub(in crate::imports) struct Reference {
    pub(in crate::imports) target: ResourceHandle,
    pub(in crate::imports) by: KeyPart,
    pub(in crate::imports) by_field: String,
    /// True if the target is of the same kind, and may come later in the same file.
    pub(in crate::imports) own: bool,
}

impl Reference {
    /// True if records are looked up by a field that these permissions hide, since the matches would reveal its value.
    pub(super) fn asks_by_hidden(&self, permissions: &Permissions) -> bool {
        let field = self.by_field.split('.').next().unwrap_or_default();
        self.target.hidden(permissions).hide(field)
    }
}

impl FieldRule {
    pub(super) fn new(
        target: &ResourceHandle,
        rule: &ColumnMapping,
        columns: &[String],
        permissions: &Permissions,
    ) -> Result<Self, (&'static str, &'static str, String)> {
        let path: Vec<String> = rule.field.split('.').map(ToOwned::to_owned).collect();
        let (fields, hidden) = (&target.schema().fields, target.hidden(permissions));
        let known = fields.iter().find(|field| path.first().is_some_and(|first| first == field.name));
        let known = known.filter(|field| !hidden.hide(field.name));
        let field =
            known.ok_or_else(|| ("field", "unknown-field", format!("unknown field `{}`", rule.field)))?;
        let inside = matches!(field.kind, Kind::Json);
        if path.len() > 1 && !inside || path.len() > 4 || path.iter().any(String::is_empty) {
            return Err(("field", "unknown-field", "the field has no such part".to_owned()));
        }
        if inside && path.len() == 1 && rule.column.is_some() {
            return Err((
                "field",
                "parts",
                "a field that has parts is filled by parts, such as emails.0.address".to_owned(),
            ));
        }
        if path.iter().skip(1).any(|part| part.parse::<usize>().is_ok_and(|at| at >= 100)) {
            return Err(("field", "range", "a list has at most 100 items here".to_owned()));
        }
        let column = match (&rule.column, &rule.value) {
            (Some(name), None) => {
                let at = columns.iter().position(|column| column == name);
                Some(at.ok_or(("column", "unknown-column", "the file has no such column".to_owned()))?)
            }
            (None, Some(_)) => None,
            _ => {
                return Err(("column", "required", "must have a column or a value, and not both".to_owned()));
            }
        };
        let reference = rule.by.as_deref().map(|by| reference(target, &rule.field, by, permissions));
        let reference = reference.transpose()?;
        if reference.is_some() && column.is_none() {
            return Err(("by", "type", "a value that is the same in every line is an id".to_owned()));
        }
        Ok(Self { column, path, kind: field.kind, rule: rule.clone(), reference })
    }

    pub(super) fn is_deferred(&self) -> bool {
        self.reference.as_ref().is_some_and(|reference| reference.own)
    }
}

fn reference(
    target: &ResourceHandle,
    field: &str,
    by: &str,
    permissions: &Permissions,
) -> Result<Reference, (&'static str, &'static str, String)> {
    let related = target.schema().relations.iter().find(|related| related.column() == field);
    let other = related.and_then(|related| targets::find(related.plural()));
    let other = other.ok_or_else(|| {
        ("by", "unknown-field", "the field holds the id of no record that can be named".to_owned())
    })?;
    let table = other.schema().table();
    let unknown = || ("by", "unknown-field", format!("{table} are not known by `{by}`"));
    let key = other.key(by).ok_or_else(unknown)?;
    let own = table == target.schema().table();
    let reference = Reference { target: other, by: key, by_field: by.to_owned(), own };
    if reference.asks_by_hidden(permissions) { Err(unknown()) } else { Ok(reference) }
}
