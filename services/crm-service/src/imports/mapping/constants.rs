//! Limits and validation of the values in a plan. Constants are validated against their field when the plan is stored,
//! and limited in total size; a column fills few fields. The limits matter because each row has its own copy, with
//! hundreds of rows in memory at a time.

use std::collections::HashMap;

use resource::ResourceHandle;
use serde_json::{Map, Value, json};
use web::Violation;

use super::{
    patch::put,
    plan::{ColumnMapping, ImportPlan},
};

/// Maximum size of all constants in bytes of JSON: more than all fields of a record take.
const MAX_BYTES: usize = 64 * 1024;
/// Maximum number of words that a plan translates.
const MAX_WORDS: usize = 5_000;
/// Maximum number of fields that one column fills.
const MAX_FIELDS: usize = 20;
/// Maximum number of missing sibling fields that are filled with a placeholder while validating a value.
const TRIES: usize = 20;

/// Errors of the values in a plan.
pub(super) fn wrong(target: &ResourceHandle, plan: &ImportPlan) -> Vec<Violation> {
    let size: usize = plan.mapping.iter().flat_map(values).map(|(_, value)| value.to_string().len()).sum();
    if size > MAX_BYTES {
        let message = format!("must hold values of at most {MAX_BYTES} bytes in all");
        return vec![Violation::new("/mapping", "length", message)];
    }
    if plan.mapping.iter().map(|rule| rule.values.len()).sum::<usize>() > MAX_WORDS {
        return vec![Violation::new(
            "/mapping",
            "length",
            format!("must have at most {MAX_WORDS} `values` in all"),
        )];
    }
    let mut fields: HashMap<&str, usize> = HashMap::new();
    for (at, column) in
        plan.mapping.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.column.as_deref()?)))
    {
        let so_far = fields.entry(column).or_default();
        *so_far += 1;
        if *so_far > MAX_FIELDS {
            let message = format!("must not be of more than {MAX_FIELDS} fields");
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

/// Values of a rule, each with its location in the rule.
fn values(rule: &ColumnMapping) -> impl Iterator<Item = (&'static str, &Value)> {
    let meant = rule.values.values().map(|value| ("values", value));
    rule.value.iter().map(|value| ("value", value)).chain(meant)
}

/// Validates a value of a field by building a record around it; returns its first error.
fn of_field(target: &ResourceHandle, field: &str, value: &Value) -> Option<Violation> {
    let path: Vec<String> = field.split('.').map(ToOwned::to_owned).collect();
    let pointer = format!("/{}", path.join("/"));
    let mut record = Map::new();
    put(&mut record, &path, value.clone());
    if value.is_null() {
        return None; // clears the field, or the row reports the error
    }
    for _ in 0..TRIES {
        let violations = target.violations(Value::Object(record.clone()));
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
