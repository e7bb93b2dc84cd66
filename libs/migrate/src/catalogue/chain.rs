//! Expressions as `pg_get_constraintdef` and its like write them, so that two of one meaning are one text.
//!
//! PostgreSQL reads `a between 1 and 2 and b` as `((a >= 1) and (a <= 2)) and b` or as one chain of three, by where it stands: what is
//! dumped and read again has other parentheses than what was typed. A chain within a chain of the same word is one chain.

use std::mem;

/// A part of a text: what is between parentheses, or what is not.
enum Part {
    Text(String),
    Group(Vec<Self>),
}

/// The same text, without the parentheses around a chain that is part of one of its kind.
pub(super) fn flattened(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    write(&flat(parse(&mut text.chars())), &mut written);
    written
}

/// Up to the parenthesis that closes, or the end. What is quoted is text.
fn parse(chars: &mut std::str::Chars<'_>) -> Vec<Part> {
    let (mut parts, mut text, mut quote) = (Vec::new(), String::new(), None);
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\'' | '"', None) => quote = Some(char),
            (_, Some(open)) if char == open => quote = None, // a doubled one opens again at once
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

/// The word that joins all parts of this, if it is a chain: parts of text then are nothing but that word.
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
