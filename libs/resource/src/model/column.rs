//! Columns of a resource in SQL: its own, and those that every record has.

use super::{Kind, Resource};

/// A column that lists may sort and filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// Columns that every resource has.
const COMMON: &[Column] = &[
    Column { name: "id", kind: Kind::Id, required: true },
    Column { name: "created_at", kind: Kind::Instant, required: true },
    Column { name: "updated_at", kind: Kind::Instant, required: true },
    Column { name: "created_by", kind: Kind::Id, required: true },
    Column { name: "updated_by", kind: Kind::Id, required: true },
    Column { name: "version", kind: Kind::Integer, required: true },
];

pub(crate) fn find_column<R: Resource>(name: &str) -> Option<Column> {
    let own = R::FIELDS
        .iter()
        .filter(|field| !matches!(field.kind, Kind::Texts | Kind::Json))
        .map(|field| Column { name: field.name, kind: field.kind, required: field.required });
    own.chain(COMMON.iter().copied()).find(|column| column.name == name)
}

/// Columns of a `Record` that are not the resource's own: id and metadata.
pub(crate) const KEPT: &str = "id, version, created_at, created_by, updated_at, updated_by";

/// Column list of `R` for a select.
pub(crate) fn names<R: Resource>() -> String {
    let mut names = String::with_capacity(R::FIELDS.len() * 16);
    for (at, field) in R::FIELDS.iter().enumerate() {
        names.push_str(if at == 0 { "" } else { ", " });
        names.push_str(field.name);
    }
    names
}

/// Joins what `part` makes of each column of `R` and its position.
pub(crate) fn columns<R: Resource>(part: impl Fn(&str, usize) -> String) -> String {
    let parts: Vec<_> = R::FIELDS.iter().enumerate().map(|(at, field)| part(field.name, at)).collect();
    parts.join(", ")
}
