//! What a plan adds to every line: constants are held against their field when the plan is stored, and bounded in all, and
//! a column fills few fields. Each line has a copy of its own, hundreds of which are in memory at a time.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use web::Violation;

use super::{
    mapping::put,
    plan::{Plan, Rule},
    registry::Target,
};

/// How many bytes all of them may come to, as JSON: more than all fields of a record.
const MOST: usize = 64 * 1024;
/// How many words of the file may stand for something else.
const MOST_WORDS: usize = 5_000;
/// How many fields one column may fill.
const MOST_FIELDS: usize = 20;
/// So often a part that is missing beside one is made up, to see what comes of it.
const TRIES: usize = 20;

/// What is wrong with the values that a plan holds.
pub(super) fn wrong(target: &Target, plan: &Plan) -> Vec<Violation> {
    let size: usize = plan.mapping.iter().flat_map(values).map(|(_, value)| value.to_string().len()).sum();
    if size > MOST {
        let message = format!("must hold values of at most {MOST} bytes in all");
        return vec![Violation::new("/mapping", "length", message)];
    }
    if plan.mapping.iter().map(|rule| rule.values.len()).sum::<usize>() > MOST_WORDS {
        return vec![Violation::new(
            "/mapping",
            "length",
            format!("must have at most {MOST_WORDS} `values` in all"),
        )];
    }
    let mut fields: HashMap<&str, usize> = HashMap::new();
    for (at, column) in
        plan.mapping.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.column.as_deref()?)))
    {
        let so_far = fields.entry(column).or_default();
        *so_far += 1;
        if *so_far > MOST_FIELDS {
            let message = format!("must not be of more than {MOST_FIELDS} fields");
            return vec![Violation::new(format!("/mapping/{at}/column"), "length", message)];
        }
    }
    let rules = plan.mapping.iter().enumerate();
    rules
        .flat_map(|(at, rule)| {
            let found = move |(part, value)| {
                let problem = of_field(target, &rule.field, value)?;
                Some(Violation::new(format!("/mapping/{at}/{part}"), problem.code, problem.message))
            };
            values(rule).filter_map(found)
        })
        .collect()
}

/// The values of a rule, and where they stand in it.
fn values(rule: &Rule) -> impl Iterator<Item = (&'static str, &Value)> {
    let meant = rule.values.values().map(|value| ("values", value));
    rule.value.iter().map(|value| ("value", value)).chain(meant)
}

/// What a record that has this value in this field would be refused for.
fn of_field(target: &Target, field: &str, value: &Value) -> Option<Violation> {
    let path: Vec<String> = field.split('.').map(ToOwned::to_owned).collect();
    let pointer = format!("/{}", path.join("/"));
    let mut record = Map::new();
    put(&mut record, &path, value.clone());
    if value.is_null() {
        return None; // it leaves the field empty, or the line says what is wrong with that
    }
    for _ in 0..TRIES {
        let violations = (target.wrong)(Value::Object(record.clone()));
        let inside = |violation: &Violation| {
            violation
                .pointer
                .strip_prefix(&pointer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if let Some(violation) = violations.iter().find(|violation| inside(violation)) {
            return Some(violation.clone());
        }
        let missing = violations.iter().find(|violation| violation.code == "required")?;
        let missing: Vec<String> = missing.pointer.split('/').skip(1).map(ToOwned::to_owned).collect();
        put(&mut record, &missing, json!("1"));
    }
    None
}
