//! All that is wrong with a body, and not only what serde stops at.
//!
//! serde tells the first thing that it cannot read. So what is at fault is noted and set aside, or something readable is put
//! in its place, and the rest is read again, until it can be read whole; then it is validated, but for what was put in. That
//! costs those who send what cannot be read, and a bounded number of times.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use validator::Validate;

use super::{
    strict::Strict,
    violations::{unreadable, validate},
};
use crate::{Error, Violation};

/// How many faults are looked for.
const MOST_FAULTS: usize = 20;
/// How often it is read again for them.
const MOST_READS: usize = 200;
/// In how many values: of a larger body the first fault is told alone.
const MOST_VALUES: usize = 500;

/// Whether all faults of a body are looked for.
pub(super) fn is_small(body: &Value) -> bool {
    fn left(value: &Value, most: usize) -> Option<usize> {
        let most = most.checked_sub(1)?;
        match value {
            Value::Array(items) => items.iter().try_fold(most, |most, item| left(item, most)),
            Value::Object(members) => members.values().try_fold(most, |most, item| left(item, most)),
            _ => Some(most),
        }
    }
    left(body, MOST_VALUES).is_some()
}

/// What is wrong with `body`, of which `first` is what serde stopped at.
pub(super) fn all<T: DeserializeOwned + Validate>(body: Value, first: Error) -> Error {
    let Error::Invalid(first) = first else { return first };
    let mut search = Search { body, found: Vec::new(), reads_left: MOST_READS, taken_out: BTreeMap::new() };
    let mut next = Read::<T>::Faulty(first);
    while let Read::Faulty(faults) = &mut next {
        let Some(fault) = faults.drain(..).next() else { break };
        let (here, sent) = (fault.pointer.clone(), search.original(&fault.pointer));
        // What was taken out is missing later: then something has to be there.
        let is_known = search.found.iter().any(|found| found.pointer == sent);
        if !is_known {
            search.found.push(Violation { pointer: sent, ..fault });
        }
        if search.found.len() == MOST_FAULTS || here.is_empty() {
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

/// What became of reading.
enum Read<T> {
    /// It can be read.
    Whole(T),
    /// It cannot, for this reason.
    Faulty(Vec<Violation>),
    /// What is at fault can be replaced by nothing that we know.
    Stuck,
}

struct Search {
    body: Value,
    found: Vec<Violation>,
    /// How often it may be read yet.
    reads_left: usize,
    /// Of arrays: the places of the items that were taken out, as they were sent.
    taken_out: BTreeMap<String, Vec<usize>>,
}

impl Search {
    /// Brings `pointer` to where reading gets beyond it: without what is there, or, where that `is_needed`, with something else
    /// in its place.
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
                    // It tells which words it takes.
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
                return Some(next); // the next item has its place now: a fault there is another one
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

    /// What the rules of form say, but for what was put in or taken out.
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

    /// The pointer into what was sent.
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

    /// At which place of the array as it was sent the item stood that is at `index` now.
    fn sent_at(&self, array: &str, index: usize) -> usize {
        let mut taken_out = self.taken_out.get(array).cloned().unwrap_or_default();
        taken_out.sort_unstable();
        taken_out.into_iter().fold(index, |place, gone| if gone <= place { place + 1 } else { place })
    }
}

/// Whether it stopped at `pointer` again, or within what is there.
fn at<T>(read: &Read<T>, pointer: &str) -> bool {
    matches!(read, Read::Faulty(faults) if faults.iter().any(|fault| is_within(&fault.pointer, pointer)))
}

fn is_within(pointer: &str, of: &str) -> bool {
    pointer.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The pointer to what holds it, and its name or index there (RFC 6901).
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

/// The first of the words that a field takes, where the message names them.
fn choice_of(message: &str) -> Option<Value> {
    message.split('`').nth(1).map(Value::from)
}

/// What a field may be, of whichever type it is; the last is tried first.
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
    use crate::understood;

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
        let Err(Error::Invalid(faults)) = understood::<Client>(body) else { panic!("it has faults") };
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
                "/status choice"
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
        assert!(understood::<Client>(good).is_ok());
    }

    #[test]
    fn what_is_no_object_is_one_fault() {
        assert_eq!(faults(json!([])), [" type"]);
    }
}
