//! Projections: which fields and related records an answer includes.

use std::collections::HashMap;

use db::{HiddenFields, ReadView, Result, TenantTx};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use uuid::Uuid;

use super::unanswerable;
use crate::{Related, Schema, StoredRecord};

/// Fields of every answer: without them a record could not be requested or changed.
const ALWAYS: [&str; 2] = ["id", "version"];

/// Metadata columns of every record, in the order of an export.
const NOTED: [&str; 5] = ["version", "created_at", "created_by", "updated_at", "updated_by"];

/// Maximum number of names; no resource has more fields.
const MAX_NAMES: usize = 100;

/// Selection of fields and related records to show.
#[derive(Debug, Default)]
pub struct Projection {
    only: Option<Vec<String>>,
    expand: Vec<Related>,
    hidden: HiddenFields,
}

impl Projection {
    /// Parses and validates `fields=name,email` and `expand=client` for a caller with this view.
    pub fn parse(
        schema: &Schema,
        fields: Option<&str>,
        expand: Option<&str>,
        view: &ReadView,
    ) -> Result<Self> {
        let only = fields.map(|text| names("fields", text)).transpose()?;
        for name in only.iter().flatten() {
            let is_field = schema.field(name).is_some() || schema.comparable(name).is_some();
            if !is_field || view.hidden.hide(name) {
                return Err(unanswerable("fields", format!("has no field `{name}`")));
            }
        }
        let find = |name: &String| {
            let visible = |related: &&Related| related.name == name && !view.hidden.hide(related.column);
            let related = schema.relations.iter().find(visible).copied();
            related.ok_or_else(|| unanswerable("expand", format!("has no relation `{name}`")))
        };
        let expand = expand.map(|text| names("expand", text)).transpose()?.unwrap_or_default();
        let expand = expand.iter().map(find).collect::<Result<_>>()?;
        Ok(Self { only, expand, hidden: view.hidden.clone() })
    }

    /// Shows the fields that are not hidden.
    pub(crate) fn of_visible(hidden: HiddenFields) -> Self {
        Self { hidden, ..Self::default() }
    }

    /// Names of the fields that are shown, in column order of an export.
    #[must_use]
    pub fn columns(&self, schema: &Schema) -> Vec<String> {
        let own = schema.fields.iter().map(|field| field.name);
        let all = ["id"].into_iter().chain(own).chain(NOTED);
        all.filter(|name| self.includes(name)).map(ToOwned::to_owned).collect()
    }

    /// Finds what `expand` asks for of these records, with one statement per relation. A related record that may not be
    /// read is missing in the result.
    pub async fn expanded(&self, tx: &mut TenantTx, records: &[StoredRecord]) -> Result<Expanded> {
        let mut expanded = Expanded::default();
        for related in &self.expand {
            let mut ids: Vec<Uuid> =
                records.iter().filter_map(|record| record.id_in(related.column)).collect();
            ids.sort_unstable();
            ids.dedup();
            let found =
                if ids.is_empty() { HashMap::new() } else { fetch(tx, (related.target)(), ids).await? };
            let hidden = tx.scope().hidden_of(related.access.name);
            expanded.0.push(ExpandedRelation { related: *related, shown: Self::of_visible(hidden), found });
        }
        Ok(expanded)
    }

    /// Whether the answer includes the field.
    pub(crate) fn includes(&self, name: &str) -> bool {
        let wanted = |only: &Vec<String>| ALWAYS.contains(&name) || only.iter().any(|wanted| wanted == name);
        !self.hidden.hide(name) && self.only.as_ref().is_none_or(wanted)
    }
}

/// Related records of a page.
#[derive(Debug, Default)]
pub struct Expanded(Vec<ExpandedRelation>);

#[derive(Debug)]
struct ExpandedRelation {
    related: Related,
    /// What the caller may see of the related records.
    shown: Projection,
    found: HashMap<Uuid, StoredRecord>,
}

impl Expanded {
    const NOTHING: &'static Self = &Self(Vec::new());
}

/// A record as a projection shows it, with what it was expanded by.
pub struct Projected<'p> {
    record: &'p StoredRecord,
    projection: &'p Projection,
    expanded: &'p Expanded,
}

impl<'p> Projected<'p> {
    /// The record, with related records that were found for it.
    #[must_use]
    pub fn new(record: &'p StoredRecord, projection: &'p Projection, expanded: &'p Expanded) -> Self {
        Self { record, projection, expanded }
    }
}

impl Serialize for Projected<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.record.members().filter(|(name, _)| self.projection.includes(name)) {
            map.serialize_entry(name, &value)?;
        }
        for ExpandedRelation { related, shown, found } in &self.expanded.0 {
            let there = self.record.id_in(related.column).and_then(|id| found.get(&id));
            let there = there.map(|record| Projected::new(record, shown, Expanded::NOTHING));
            map.serialize_entry(related.name, &there)?;
        }
        map.end()
    }
}

/// Finds the readable records among these, in one statement.
async fn fetch(tx: &mut TenantTx, schema: &Schema, ids: Vec<Uuid>) -> Result<HashMap<Uuid, StoredRecord>> {
    let Some(reach) = tx.scope().reading(&schema.access) else { return Ok(HashMap::new()) };
    let text = format!(
        "select {} from app.{} related where account_id = $1 and id = any ($2) and deleted_at is null{reach}",
        schema.columns,
        schema.table()
    );
    let records: Vec<StoredRecord> = tx.generated(text).bind(ids).all().await?;
    Ok(records.into_iter().map(|record| (record.id, record)).collect())
}

/// Parses a list of names and removes duplicates, so that each costs one statement at most.
fn names(parameter: &'static str, text: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        if names.len() > MAX_NAMES {
            return Err(unanswerable(parameter, format!("has more than {MAX_NAMES} names")));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_once_however_often_it_stands_there() {
        assert_eq!(names("expand", &vec!["client"; 70_000].join(", ")).unwrap(), ["client"]);
        let many: Vec<String> = (0..=MAX_NAMES).map(|at| format!("name{at}")).collect();
        assert!(names("fields", &many.join(",")).is_err());
    }
}
