//! Values at the paths of fields, such as `emails.0.address`.

use serde_json::{Map, Value, json};

/// Sets the value at a path, creating its parents.
pub(super) fn put(patch: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let mut place = patch.entry(first.clone()).or_insert(Value::Null);
    for part in rest {
        let next = if let Ok(at) = part.parse::<usize>() { item(place, at) } else { part_of(place, part) };
        let Some(next) = next else { return };
        place = next;
    }
    *place = value;
}

/// The item of a list at this index, created if missing.
fn item(list: &mut Value, at: usize) -> Option<&mut Value> {
    if !list.is_array() {
        *list = json!([]);
    }
    let items = list.as_array_mut()?;
    items.resize(items.len().max(at + 1), Value::Null);
    items.get_mut(at)
}

/// The member of an object with this name, created if missing.
fn part_of<'v>(whole: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    if !whole.is_object() {
        *whole = json!({});
    }
    Some(whole.as_object_mut()?.entry(name.to_owned()).or_insert(Value::Null))
}

/// Removes gaps from lists, such as when a row has only the second of two items.
pub(super) fn compact(patch: &mut Map<String, Value>) {
    for value in patch.values_mut() {
        if let Value::Array(items) = value {
            items.retain(|item| !item.is_null());
        }
    }
}

/// The text in the patch at a field's path; `None` if it is empty or no text.
pub(in crate::imports) fn text_at(patch: &Map<String, Value>, field: &str) -> Option<String> {
    let mut parts = field.split('.');
    let mut value = patch.get(parts.next()?)?;
    for part in parts {
        value = match part.parse::<usize>() {
            Ok(at) => value.get(at)?,
            Err(_) => value.get(part)?,
        };
    }
    value.as_str().map(ToOwned::to_owned).filter(|said| !said.is_empty())
}
