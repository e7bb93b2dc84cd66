//! Finds all violations of a body, not only the first at which serde stops.
//!
//! serde reports the first error only. So each violation is recorded, its value removed or replaced by a valid
//! placeholder, and the body deserialized again, until it succeeds. Then it is validated, ignoring placeholders.
//! Only invalid requests pay for that, and the number of attempts is limited.

mod placeholder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use validator::Validate;

use super::{
    strict::Strict,
    violations::{unreadable, validate},
};
use crate::{Error, Violation};

/// Maximum number of violations to find.
const MAX_FAULTS: usize = 100;
/// Maximum number of violations that are not of a text. A schema bounds its texts, but nothing bounds unknown names.
const MAX_OTHER_FAULTS: usize = 20;
/// Maximum number of values in the body to find more than one of those.
const MAX_VALUES_OF_OTHERS: usize = 500;
/// Maximum number of attempts to deserialize.
const MAX_READS: usize = 200;
/// Maximum number of values to deserialize, over all attempts.
const MAX_VALUES_READ: usize = 100_000;
/// Maximum number of values in the body; of a larger body only the first violation is reported.
const MAX_VALUES: usize = 5_000;

/// Whether the body is small enough to find all violations.
pub(super) fn is_small(body: &Value) -> bool {
    values_left(body, MAX_VALUES).is_some()
}

/// How many of `most` values remain after those of `value`.
fn values_left(value: &Value, most: usize) -> Option<usize> {
    let most = most.checked_sub(1)?;
    match value {
        Value::Array(items) => items.iter().try_fold(most, |most, item| values_left(item, most)),
        Value::Object(members) => members.values().try_fold(most, |most, item| values_left(item, most)),
        _ => Some(most),
    }
}

/// Finds all violations of `body`; `first` is the error at which serde stopped.
pub(super) fn all<T: DeserializeOwned + Validate>(body: Value, first: Error) -> Error {
    let Error::Invalid(first) = first else { return first };
    let mut search = Search::new(body);
    if let Some(read) = search.run::<T>(first)
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
    /// Number of violations, other than of texts, that may still be found.
    others_left: usize,
    /// Original indices of the removed items, by the pointer of their array.
    taken_out: BTreeMap<String, Vec<usize>>,
}

impl Search {
    fn new(body: Value) -> Self {
        let values = MAX_VALUES - values_left(&body, MAX_VALUES).unwrap_or_default();
        let reads_left = MAX_READS.min(MAX_VALUES_READ / values.max(1));
        let others_left = if values <= MAX_VALUES_OF_OTHERS { MAX_OTHER_FAULTS } else { 1 };
        Self { body, found: Vec::new(), reads_left, others_left, taken_out: BTreeMap::new() }
    }

    /// Finds violations until the rest of the body can be read.
    fn run<T: DeserializeOwned>(&mut self, first: Vec<Violation>) -> Option<T> {
        let mut faults = first;
        loop {
            // All faults are of one value: serde stops there.
            let fault = faults.first()?.clone();
            let sent = self.original(&fault.pointer);
            // A removed value is missing afterwards: then a placeholder is needed.
            let is_known = self.found.iter().any(|found| found.pointer == sent);
            if !is_known {
                self.others_left -= usize::from(placeholder::text_for(&fault).is_none());
                self.found.extend(faults.into_iter().map(|one| Violation { pointer: sent.clone(), ..one }));
            }
            if self.found.len() >= MAX_FAULTS || self.others_left == 0 || fault.pointer.is_empty() {
                return None;
            }
            faults = match self.settle(&fault, is_known) {
                Read::Faulty(faults) => faults,
                Read::Whole(read) => return Some(read),
                Read::Stuck => return None,
            };
        }
    }

    /// Changes the body so that deserialization passes the value at `fault`: removes it, or replaces it by a
    /// placeholder if it `is_needed` or its format has an example.
    fn settle<T: DeserializeOwned>(&mut self, fault: &Violation, is_needed: bool) -> Read<T> {
        let (pointer, text) = (&fault.pointer, placeholder::text_for(fault));
        if text.is_none()
            && !is_needed
            && let Some(next) = self.without(pointer)
        {
            return next;
        }
        let mut placeholders = placeholder::all();
        placeholders.extend(text);
        while let Some(value) = placeholders.pop() {
            let Some(body) = with(&self.body, pointer, value.clone()) else { return Read::Stuck };
            let next = self.read(&body);
            match &next {
                Read::Faulty(faults) if at(&next, pointer) => {
                    let named = faults.iter().find_map(placeholder::named_by);
                    placeholders.extend(named.filter(|named| *named != value));
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

fn with(body: &Value, pointer: &str, placeholder: Value) -> Option<Value> {
    let (above, last) = split(pointer)?;
    let mut body = body.clone();
    match body.pointer_mut(above)? {
        Value::Object(members) => members.insert(last, placeholder),
        Value::Array(items) => {
            items.get_mut(last.parse::<usize>().ok()?).map(|item| std::mem::replace(item, placeholder))
        }
        _ => return None,
    };
    Some(body)
}
