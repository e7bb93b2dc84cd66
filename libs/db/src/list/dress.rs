//! What an answer shows of a record: some of its fields, and what it refers to in full.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{Related, column, unanswerable};
use crate::{Hidden, Record, Resource, Result, TenantTx, View};

/// What stays in every answer: without them nobody could ask again or change it.
const ALWAYS: [&str; 2] = ["id", "version"];

/// What we note about every record, as it follows its own fields.
const NOTED: [&str; 5] = ["version", "created_at", "created_by", "updated_at", "updated_by"];

/// No resource has more fields.
const MOST_NAMES: usize = 100;

/// How records are shown.
#[derive(Debug, Default)]
pub struct Dress {
    only: Option<Vec<String>>,
    expand: Vec<&'static Related>,
    hidden: Hidden,
}

impl Dress {
    /// Understands `fields=name,email` and `expand=client`, for somebody with this view.
    pub fn understand<R: Resource>(fields: Option<&str>, expand: Option<&str>, view: &View) -> Result<Self> {
        let only = fields.map(|text| names("fields", text)).transpose()?;
        for name in only.iter().flatten() {
            let field = R::FIELDS.iter().any(|field| field.name == name) || column::find::<R>(name).is_some();
            if !field || view.hidden.hide(name) {
                return Err(unanswerable("fields", format!("has no field `{name}`")));
            }
        }
        let find = |name: &String| {
            let visible = |related: &&Related| related.name == name && !view.hidden.hide(related.column);
            let related = R::RELATED.iter().find(visible);
            related.ok_or_else(|| unanswerable("expand", format!("has nothing called `{name}` to refer to")))
        };
        let expand = expand.map(|text| names("expand", text)).transpose()?.unwrap_or_default();
        let expand = expand.iter().map(find).collect::<Result<_>>()?;
        Ok(Self { only, expand, hidden: view.hidden.clone() })
    }

    /// Whether records are shown as they are.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.only.is_none() && self.expand.is_empty() && self.hidden.is_empty()
    }

    /// What is shown of a record, in the order of a file's columns.
    #[must_use]
    pub fn columns<R: Resource>(&self) -> Vec<String> {
        let own = R::FIELDS.iter().map(|field| field.name);
        let all = ["id"].into_iter().chain(own).chain(NOTED);
        all.filter(|name| self.shows(name)).map(ToOwned::to_owned).collect()
    }

    /// The records as they are shown. One statement for each thing they refer to, however many they are. What may not be
    /// read is null.
    pub async fn put_on<R: Resource>(&self, tx: &mut TenantTx, records: &[Record<R>]) -> Result<Vec<Json>> {
        let whole: Vec<Json> =
            records.iter().map(|record| serde_json::to_value(record).unwrap_or_default()).collect();
        let mut shown: Vec<Json> = whole.iter().map(|record| self.cut(record)).collect();
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

    fn shows(&self, name: &str) -> bool {
        let wanted = |only: &Vec<String>| ALWAYS.contains(&name) || only.iter().any(|wanted| wanted == name);
        !self.hidden.hide(name) && self.only.as_ref().is_none_or(wanted)
    }

    fn cut(&self, record: &Json) -> Json {
        let Json::Object(fields) = record else { return record.clone() };
        let kept = fields.iter().filter(|(name, _)| self.shows(name));
        Json::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
    }
}

/// The names in a list, each once: what is named a thousand times is shown once, by one statement.
fn names(parameter: &'static str, text: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        if names.len() > MOST_NAMES {
            return Err(unanswerable(parameter, format!("has more than {MOST_NAMES} names")));
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
        let many: Vec<String> = (0..=MOST_NAMES).map(|at| format!("name{at}")).collect();
        assert!(names("fields", &many.join(",")).is_err());
    }
}
