//! Projections: which fields and related records an answer includes.

use std::collections::HashMap;

use db::{HiddenFields, ReadView, Result, TenantTx};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::unanswerable;
use crate::{Record, Related, Resource, model::find_column};

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
    expand: Vec<&'static Related>,
    hidden: HiddenFields,
}

impl Projection {
    /// Parses and validates `fields=name,email` and `expand=client` for a caller with this view.
    pub fn parse<R: Resource>(fields: Option<&str>, expand: Option<&str>, view: &ReadView) -> Result<Self> {
        let only = fields.map(|text| names("fields", text)).transpose()?;
        for name in only.iter().flatten() {
            let field = R::FIELDS.iter().any(|field| field.name == name) || find_column::<R>(name).is_some();
            if !field || view.hidden.hide(name) {
                return Err(unanswerable("fields", format!("has no field `{name}`")));
            }
        }
        let find = |name: &String| {
            let visible = |related: &&Related| related.name == name && !view.hidden.hide(related.column);
            let related = R::RELATIONS.iter().find(visible);
            related.ok_or_else(|| unanswerable("expand", format!("has no relation `{name}`")))
        };
        let expand = expand.map(|text| names("expand", text)).transpose()?.unwrap_or_default();
        let expand = expand.iter().map(find).collect::<Result<_>>()?;
        Ok(Self { only, expand, hidden: view.hidden.clone() })
    }

    /// Whether records are shown unchanged.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.only.is_none() && self.expand.is_empty() && self.hidden.is_empty()
    }

    /// Names of the fields that are shown, in column order of an export.
    #[must_use]
    pub fn columns<R: Resource>(&self) -> Vec<String> {
        let own = R::FIELDS.iter().map(|field| field.name);
        let all = ["id"].into_iter().chain(own).chain(NOTED);
        all.filter(|name| self.includes(name)).map(ToOwned::to_owned).collect()
    }

    /// Applies the projection to records, with one statement per relation. A related record that may not be read
    /// is null.
    pub async fn apply<R: Resource>(&self, tx: &mut TenantTx, records: &[Record<R>]) -> Result<Vec<Json>> {
        let whole: Vec<Json> =
            records.iter().map(|record| serde_json::to_value(record).unwrap_or_default()).collect();
        let mut shown: Vec<Json> = whole.iter().map(|record| self.select_fields(record)).collect();
        for related in &self.expand {
            let found = fetch(tx, related, &whole).await?;
            for (record, shown) in whole.iter().zip(&mut shown) {
                let there = id_in(record, related.column).and_then(|id| found.get(&id)).cloned();
                if let Json::Object(fields) = shown {
                    fields.insert(related.name.to_owned(), there.unwrap_or(Json::Null));
                }
            }
        }
        Ok(shown)
    }

    fn includes(&self, name: &str) -> bool {
        let wanted = |only: &Vec<String>| ALWAYS.contains(&name) || only.iter().any(|wanted| wanted == name);
        !self.hidden.hide(name) && self.only.as_ref().is_none_or(wanted)
    }

    fn select_fields(&self, record: &Json) -> Json {
        let Json::Object(fields) = record else { return record.clone() };
        let kept = fields.iter().filter(|(name, _)| self.includes(name));
        Json::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
    }
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

async fn fetch(tx: &mut TenantTx, related: &Related, records: &[Json]) -> Result<HashMap<Uuid, Json>> {
    let mut ids: Vec<Uuid> = records.iter().filter_map(|record| id_in(record, related.column)).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() { Ok(HashMap::new()) } else { (related.fetch)(tx, ids).await }
}

fn id_in(record: &Json, column: &str) -> Option<Uuid> {
    record.get(column)?.as_str()?.parse().ok()
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
