//! Canonical form of expressions from `pg_get_constraintdef` and similar functions, so that equal meaning gives
//! equal text.
//!
//! Depending on context, PostgreSQL parses `a between 1 and 2 and b` as `((a >= 1) and (a <= 2)) and b` or as one
//! chain of three. A dumped and restored expression thus has other parentheses. A chain nested in a chain of the
//! same operator is flattened.

use std::mem;

/// Part of a text: a parenthesized group, or text in between.
enum Part {
    Text(String),
    Group(Vec<Self>),
}

/// Removes the parentheses around a chain that is nested in one of the same operator.
pub(super) fn flattened(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    write(&flat(parse(&mut text.chars())), &mut written);
    written
}

/// Parses up to the closing parenthesis or the end. Quoted parts are plain text.
fn parse(chars: &mut std::str::Chars<'_>) -> Vec<Part> {
    let (mut parts, mut text, mut quote) = (Vec::new(), String::new(), None);
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\'' | '"', None) => quote = Some(char),
            (_, Some(open)) if char == open => quote = None, // a doubled quote reopens immediately
            ('(', None) => {
                parts.push(Part::Text(mem::take(&mut text)));
                parts.push(Part::Group(parse(chars)));
                continue;
            }
            (')', None) => break,
            _ => {}
        }
        text.push(char);
    }
    parts.push(Part::Text(text));
    parts
}

/// Operator that joins all parts, if it is a chain: then the text between groups is that operator only.
fn word(parts: &[Part]) -> Option<&str> {
    let mut between = parts.iter().filter_map(|part| match part {
        Part::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    let word = between.next().filter(|word| [" AND ", " OR "].contains(word))?;
    between.all(|other| other == word).then_some(word)
}

fn flat(parts: Vec<Part>) -> Vec<Part> {
    let parts: Vec<Part> = parts
        .into_iter()
        .map(|part| match part {
            Part::Group(inner) => Part::Group(flat(inner)),
            text @ Part::Text(_) => text,
        })
        .collect();
    let Some(word) = word(&parts).map(str::to_owned) else { return parts };
    let splice = |part| match part {
        Part::Group(inner) if self::word(&inner) == Some(&word) => inner,
        part => vec![part],
    };
    parts.into_iter().flat_map(splice).collect()
}

fn write(parts: &[Part], to: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => to.push_str(text),
            Part::Group(inner) => {
                to.push('(');
                write(inner, to);
                to.push(')');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_one_word_are_one_chain_and_nothing_else_changes() {
        for (text, same) in [
            (
                "CHECK (((a >= 1) AND (a <= 2) AND ((b >= 1) AND (b <= 2))))",
                "CHECK (((a >= 1) AND (a <= 2) AND (b >= 1) AND (b <= 2)))",
            ),
            (
                "CHECK ((((a >= 1) AND (a <= 2)) AND ((b >= 1) AND (b <= 2))))",
                "CHECK (((a >= 1) AND (a <= 2) AND (b >= 1) AND (b <= 2)))",
            ),
            ("((a) OR ((b) OR (c)))", "((a) OR (b) OR (c))"),
            ("((a) AND ((b) OR (c)))", "((a) AND ((b) OR (c)))"),
            ("((a) OR ((b) AND (c)))", "((a) OR ((b) AND (c)))"),
            ("(NOT ((a) AND (b)))", "(NOT ((a) AND (b)))"),
            ("(f(((a) AND (b))) AND (c))", "(f(((a) AND (b))) AND (c))"),
            ("((x = ') AND ('::text) AND (\"a(\" = 1))", "((x = ') AND ('::text) AND (\"a(\" = 1))"),
            ("((x = 'it''s (') AND ((y) AND (z)))", "((x = 'it''s (') AND (y) AND (z))"),
            ("CREATE INDEX i ON t USING btree (a, b)", "CREATE INDEX i ON t USING btree (a, b)"),
        ] {
            assert_eq!(flattened(text), same);
        }
    }
}
