//! What a body may be made of, told by its bytes before anything is made of them: a map of one entry takes eight bytes to
//! send and six hundred to keep.

use crate::Error;

/// How deep arrays and objects may nest.
const DEEPEST: usize = 32;
/// How many arrays and objects there may be.
const MOST_CONTAINERS: usize = 15_000;
/// How many values there may be, in all of them.
const MOST_VALUES: usize = 50_000;
/// How long a text between two quotation marks may be that is the name of a member.
const LONGEST_NAME: usize = 4_096;

/// Fails where a body nests deeper, or holds more, than any of ours does. What is no JSON may pass: it is not read.
pub(super) fn within_bounds(body: &[u8]) -> Result<(), Error> {
    let mut seen = Seen::default();
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let (length, after) = text(after);
                rest = after;
                seen.text = length;
            }
            b':' if seen.text > LONGEST_NAME => {
                return Err(too("name", format!("must have names of at most {LONGEST_NAME} bytes")));
            }
            b'{' | b'[' => seen.open()?,
            b'}' | b']' => seen.depth = seen.depth.saturating_sub(1),
            b',' => seen.value()?,
            _ => {}
        }
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    depth: usize,
    containers: usize,
    values: usize,
    /// How long the last text was.
    text: usize,
}

impl Seen {
    fn open(&mut self) -> Result<(), Error> {
        self.depth += 1;
        self.containers += 1;
        if self.depth > DEEPEST {
            return Err(too("depth", format!("must not nest deeper than {DEEPEST}")));
        }
        if self.containers > MOST_CONTAINERS {
            return Err(too("size", format!("must not hold more than {MOST_CONTAINERS} arrays and objects")));
        }
        self.value()
    }

    /// One more: there is one after each comma, and the first of each array and object.
    fn value(&mut self) -> Result<(), Error> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(too("size", format!("must not hold more than {MOST_VALUES} values")));
        }
        Ok(())
    }
}

/// How long a text is that has begun, and what comes after it.
fn text(body: &[u8]) -> (usize, &[u8]) {
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (at, body.get(at + 1..).unwrap_or_default())
}

fn too(code: &str, message: String) -> Error {
    Error::invalid("", code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> bool {
        within_bounds(body.as_bytes()).is_err()
    }

    #[test]
    fn what_is_deep_or_many_or_long_is_refused_before_it_is_read() {
        assert!(refused(&"[".repeat(5_000)));
        assert!(refused(&format!("{}1{}", "[".repeat(33), "]".repeat(33))));
        assert!(refused(&format!("[{}]", vec![r#"{"":0}"#; 15_000].join(","))));
        assert!(refused(&format!("[{}]", vec!["0"; 50_001].join(","))));
        assert!(refused(&format!(r#"{{"{}":0}}"#, "n".repeat(4_097))));
    }

    #[test]
    fn what_is_in_a_text_counts_for_nothing() {
        assert!(!refused(&format!(r#"{{"notes":"{}"}}"#, r#"[{,\":\\"#.repeat(10_000))));
        assert!(!refused(&format!("{}1{}", "[".repeat(32), "]".repeat(32))));
        assert!(!refused(&format!("[{}]", vec![r#"{"a":0}"#; 14_000].join(","))));
        for broken in ["", "\"", "\"\\", "]]]]", "{\"a\":"] {
            assert!(!refused(broken), "{broken}");
        }
    }
}
