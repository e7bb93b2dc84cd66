//! Finds all violations of a body, not only the first at which serde stops.
//!
//! serde reports the first error only. So each violation is recorded, its value removed or replaced by a valid
//! placeholder, and the body deserialized again, until it succeeds. Then it is validated, ignoring placeholders.
//! Only invalid requests pay for that, and the number of attempts is limited.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use validator::Validate;

use super::{
    strict::Strict,
    violations::{unreadable, validate},
};
use crate::{Error, Violation};

/// Maximum number of violations to find.
const MAX_FAULTS: usize = 20;
/// Maximum number of attempts to deserialize.
const MAX_READS: usize = 200;
/// Maximum number of values in the body; of a larger body only the first violation is reported.
const MAX_VALUES: usize = 500;

/// Whether the body is small enough to find all violations.
pub(super) fn is_small(body: &Value) -> bool {
    fn left(value: &Value, most: usize) -> Option<usize> {
        let most = most.checked_sub(1)?;
        match value {
            Value::Array(items) => items.iter().try_fold(most, |most, item| left(item, most)),
            Value::Object(members) => members.values().try_fold(most, |most, item| left(item, most)),
            _ => Some(most),
        }
    }
    left(body, MAX_VALUES).is_some()
}

/// Finds all violations of `body`; `first` is the error at which serde stopped.
pub(super) fn all<T: DeserializeOwned + Validate>(body: Value, first: Error) -> Error {
    let Error::Invalid(first) = first else { return first };
    let mut search = Search { body, found: Vec::new(), reads_left: MAX_READS, taken_out: BTreeMap::new() };
    let mut next = Read::<T>::Faulty(first);
    while let Read::Faulty(faults) = &mut next {
        let Some(fault) = faults.drain(..).next() else { break };
        let (here, sent) = (fault.pointer.clone(), search.original(&fault.pointer));
        // A removed value is missing afterwards: then a placeholder is needed.
        let is_known = search.found.iter().any(|found| found.pointer == sent);
        if !is_known {
            search.found.push(Violation { pointer: sent, ..fault });
        }
        if search.found.len() == MAX_FAULTS || here.is_empty() {
            break;
        }
        next = search.settle(&here, is_known);
    }
    if let Read::Whole(read) = next
        && let Err(Error::Invalid(broken)) = validate(&read)
    {
        search.add(broken);
    }
    search.found.sort_by(|one, other| one.pointer.cmp(&other.pointer));
    Error::Invalid(search.found)
}

/// Result of an attempt to deserialize.
enum Read<T> {
    Whole(T),
    /// Failed with these violations.
    Faulty(Vec<Violation>),
    /// No known placeholder fits, or the attempts are used up.
    Stuck,
}

struct Search {
    body: Value,
    found: Vec<Violation>,
    /// Number of remaining attempts to deserialize.
    reads_left: usize,
    /// Original indices of the removed items, by the pointer of their array.
    taken_out: BTreeMap<String, Vec<usize>>,
}

impl Search {
    /// Changes the body so that deserialization passes `pointer`: removes the value, or replaces it by a
    /// placeholder if it `is_needed`.
    fn settle<T: DeserializeOwned>(&mut self, pointer: &str, is_needed: bool) -> Read<T> {
        if !is_needed && let Some(next) = self.without(pointer) {
            return next;
        }
        let mut stand_ins: Vec<Value> = stand_ins().collect();
        while let Some(stand_in) = stand_ins.pop() {
            let Some(body) = with(&self.body, pointer, stand_in.clone()) else { return Read::Stuck };
            let next = self.read(&body);
            match &next {
                Read::Faulty(faults) if at(&next, pointer) => {
                    // The error message lists the accepted variants.
                    let choice = faults.iter().find(|fault| fault.code == "enum");
                    let choice = choice.and_then(|fault| choice_of(&fault.message));
                    stand_ins.extend(choice.filter(|choice| *choice != stand_in));
                }
                _ => {
                    self.body = body;
                    return next;
                }
            }
        }
        Read::Stuck
    }

    fn without<T: DeserializeOwned>(&mut self, pointer: &str) -> Option<Read<T>> {
        let (above, last) = split(pointer)?;
        let mut body = self.body.clone();
        match body.pointer_mut(above)? {
            Value::Object(members) => {
                members.remove(&last)?;
            }
            Value::Array(items) => {
                let index = last.parse().ok().filter(|index| *index < items.len())?;
                items.remove(index);
                let next = self.read(&body);
                let sent = self.sent_at(&self.original(above), index);
                self.taken_out.entry(self.original(above)).or_default().push(sent);
                self.body = body;
                return Some(next); // the next item moved to this index: an error there is a new one
            }
            _ => return None,
        }
        let next = self.read(&body);
        (!at(&next, pointer)).then(|| {
            self.body = body;
            next
        })
    }

    fn read<T: DeserializeOwned>(&mut self, body: &Value) -> Read<T> {
        let Some(left) = self.reads_left.checked_sub(1) else { return Read::Stuck };
        self.reads_left = left;
        match serde_path_to_error::deserialize(Strict(body.clone())) {
            Ok(read) => Read::Whole(read),
            Err(error) => match unreadable(&error) {
                Error::Invalid(faults) => Read::Faulty(faults),
                _ => Read::Stuck,
            },
        }
    }

    /// Adds violations of validation rules, except those of placeholders and removed values.
    fn add(&mut self, broken: Vec<Violation>) {
        for violation in broken {
            let pointer = self.original(&violation.pointer);
            let is_ours = pointer.ends_with("/__all__")
                || self.found.iter().any(|found| is_within(&pointer, &found.pointer));
            if !is_ours {
                self.found.push(Violation { pointer, ..violation });
            }
        }
    }

    /// Maps a pointer into the current body to one into the body as sent.
    fn original(&self, pointer: &str) -> String {
        let mut original = String::new();
        for token in pointer.split('/').skip(1) {
            let token = match (self.taken_out.contains_key(&original), token.parse()) {
                (true, Ok(index)) => self.sent_at(&original, index).to_string(),
                _ => token.to_owned(),
            };
            original.push('/');
            original.push_str(&token);
        }
        original
    }

    /// Maps an index of the current array to the index in the array as sent.
    fn sent_at(&self, array: &str, index: usize) -> usize {
        let mut taken_out = self.taken_out.get(array).cloned().unwrap_or_default();
        taken_out.sort_unstable();
        taken_out.into_iter().fold(index, |place, gone| if gone <= place { place + 1 } else { place })
    }
}

/// Whether deserialization failed at `pointer` again, or below it.
fn at<T>(read: &Read<T>, pointer: &str) -> bool {
    matches!(read, Read::Faulty(faults) if faults.iter().any(|fault| is_within(&fault.pointer, pointer)))
}

fn is_within(pointer: &str, of: &str) -> bool {
    pointer.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Splits a pointer into that of the parent and the member name or index (RFC 6901).
fn split(pointer: &str) -> Option<(&str, String)> {
    let (above, last) = pointer.rsplit_once('/')?;
    Some((above, last.replace("~1", "/").replace("~0", "~")))
}

fn with(body: &Value, pointer: &str, stand_in: Value) -> Option<Value> {
    let (above, last) = split(pointer)?;
    let mut body = body.clone();
    match body.pointer_mut(above)? {
        Value::Object(members) => members.insert(last, stand_in),
        Value::Array(items) => {
            items.get_mut(last.parse::<usize>().ok()?).map(|item| std::mem::replace(item, stand_in))
        }
        _ => return None,
    };
    Some(body)
}

/// First accepted variant in an error message of serde.
fn choice_of(message: &str) -> Option<Value> {
    message.split('`').nth(1).map(Value::from)
}

/// Placeholders of all types; the last is tried first.
fn stand_ins() -> impl Iterator<Item = Value> {
    [
        json!({}),
        json!([]),
        json!("2000-01-01T00:00:00Z"),
        json!("2000-01-01"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!(true),
        json!("1"),
        json!(1),
        json!("x"),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::parse_json;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only their reading matters")]
    struct Client {
        #[validate(length(min = 1))]
        name: String,
        code: String,
        #[validate(range(min = 1, max = 5))]
        rating: Option<i32>,
        status: Status,
        owner: uuid::Uuid,
        #[serde(default)]
        numbers: Vec<u8>,
        #[serde(default)]
        #[validate(nested)]
        steps: Vec<Step>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Status {
        Lead,
        Active,
    }

    #[derive(Debug, Deserialize, Validate)]
    struct Step {
        #[validate(length(min = 1))]
        text: String,
    }

    fn faults(body: Value) -> Vec<String> {
        let Err(Error::Invalid(faults)) = parse_json::<Client>(body) else { panic!("it has faults") };
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn types_and_rules_are_told_together() {
        let body =
            json!({ "name": "", "code": 7, "rating": 9, "status": "gone", "owner": "me", "colour": "red" });
        assert_eq!(
            faults(body),
            [
                "/code type",
                "/colour unknown-field",
                "/name length",
                "/owner type",
                "/rating range",
                "/status enum"
            ]
        );
    }

    #[test]
    fn all_that_is_missing_is_told() {
        assert_eq!(
            faults(json!({ "rating": 9 })),
            ["/code required", "/name required", "/owner required", "/rating range", "/status required"]
        );
    }

    #[test]
    fn items_are_told_by_their_places_as_they_were_sent() {
        let good = json!({ "name": "a", "code": "a", "status": "lead", "owner": uuid::Uuid::nil() });
        let mut body = good.clone();
        body["numbers"] = json!([1, "two", 3, 400, "five"]);
        body["steps"] = json!([{ "text": 1 }, { "text": "" }, { "text": "b" }, {}]);
        assert_eq!(
            faults(body),
            [
                "/numbers/1 type",
                "/numbers/3 type",
                "/numbers/4 type",
                "/steps/0/text type",
                "/steps/1/text length",
                "/steps/3/text required"
            ]
        );
        assert!(parse_json::<Client>(good).is_ok());
    }

    #[test]
    fn what_is_no_object_is_one_fault() {
        assert_eq!(faults(json!([])), [" type"]);
    }
}
