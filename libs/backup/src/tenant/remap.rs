//! Maps ids of one installation to new ones, wherever they occur in a row, including nested JSON.

use std::collections::HashMap;

use uuid::Uuid;

/// Map from old ids to new ones.
#[derive(Debug, Default)]
pub(super) struct Remap(HashMap<Uuid, Uuid>);

const LENGTH: usize = 36;

impl Remap {
    pub(super) fn put(&mut self, old: Uuid, new: Uuid) {
        self.0.insert(old, new);
    }

    /// Assigns a new id unless `old` has one already.
    pub(super) fn renew(&mut self, old: Uuid) {
        self.0.entry(old).or_insert_with(Uuid::now_v7);
    }

    pub(super) fn get(&self, old: Uuid) -> Option<Uuid> {
        self.0.get(&old).copied()
    }

    /// Replaces every JSON string in a line that is a mapped id; everything else is unchanged.
    pub(super) fn line(&self, line: &str) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('"') {
            let (text, after) = after.split_at(end_of_text(after));
            let new = text.parse().ok().filter(|_| text.len() == LENGTH).and_then(|old| self.get(old));
            out.push_str(before);
            out.push('"');
            match new {
                Some(new) => out.push_str(&new.to_string()),
                None => out.push_str(text),
            }
            out.push('"');
            rest = after.get(1..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }
}

/// End of a JSON string whose opening quote was consumed.
fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ids_are_replaced_everywhere_and_nothing_else() {
        let (old, new, other) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let mut remap = Remap::default();
        remap.put(old, new);
        let line = |id: Uuid| {
            format!(
                r#"{{"id":"{id}","o":"{other}","deep":{{"ids":["{id}"]}},"text":"see {old} or \"{old}","n":1.50}}"#
            )
        };
        assert_eq!(remap.line(&line(old)), line(new));
    }
}
