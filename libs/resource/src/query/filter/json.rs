use db::Result;
use serde_json::{Map, Value as Json};

use super::{Filter, MAX_DEPTH, MAX_TERMS, Term, too_much, wrong};
use crate::query::column::Columns;

impl Filter {
    /// Parses the JSON form of a condition: `{"and": […]}`, `{"or": […]}`, `{"not": …}` and `{"field": "rating",
    /// "op": "gte", "value": 4}`.
    pub(crate) fn read(json: &Json, columns: &Columns) -> Result<Self> {
        let mut terms = 0;
        condition(json, columns, 0, &mut terms)?.bounded()
    }
}

fn condition(json: &Json, columns: &Columns, depth: usize, terms: &mut usize) -> Result<Filter> {
    *terms += 1;
    if *terms > MAX_TERMS || depth > MAX_DEPTH {
        return Err(too_much());
    }
    let object = json.as_object().ok_or_else(|| wrong("is made of JSON objects".to_owned()))?;
    let mut several = |all: &Json| -> Result<Vec<Filter>> {
        let all = all.as_array().filter(|all| !all.is_empty());
        let all = all.ok_or_else(|| wrong("has an `and` or `or` without a list of conditions".to_owned()))?;
        all.iter().map(|one| condition(one, columns, depth + 1, terms)).collect()
    };
    match single(object) {
        Some(("and", all)) => several(all).map(Filter::And),
        Some(("or", all)) => several(all).map(Filter::Or),
        Some(("not", one)) => Ok(Filter::Not(Box::new(condition(one, columns, depth + 1, terms)?))),
        _ => term(object, columns).map(Filter::Term),
    }
}

fn single(object: &Map<String, Json>) -> Option<(&str, &Json)> {
    let (name, value) = object.iter().next()?;
    (object.len() == 1).then_some((name.as_str(), value))
}

fn term(object: &Map<String, Json>, columns: &Columns) -> Result<Term> {
    let text = |name: &str| object.get(name).and_then(Json::as_str);
    let (Some(name), Some(operator), Some(value), 3) =
        (text("field"), text("op"), object.get("value"), object.len())
    else {
        return Err(wrong("has something that is neither and, or, not, nor field, op and value".to_owned()));
    };
    let path = columns.path(name).ok_or_else(|| wrong(format!("has no field `{name}`")))?;
    Term::new(path, operator, value.clone())
}
