//! Splits SQL into statements like PostgreSQL's own lexer (PostgreSQL documentation, 4.1 Lexical Structure).
//!
//! Statements are sent one per message, so that the failing one is known.

use std::{iter::Peekable, str::CharIndices};

/// One statement of a file, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Text from the first to the last token.
    pub text: String,
    /// Line at which it begins, from 1.
    pub line: usize,
    /// Words in lower case, outside of quotes and comments.
    pub words: Vec<String>,
    /// Byte offset of the text in the file.
    pub at: usize,
}

/// A line comment, on a line of its own or at the end of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Number of statements that ended before it.
    pub(crate) after: usize,
}

/// Reason why a text is not valid SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexError {
    /// A quote, dollar quote or block comment is not closed.
    #[error("line {line}: this {what} is never closed")]
    Unclosed {
        /// Line at which it begins, from 1.
        line: usize,
        /// Kind of the unclosed element.
        what: &'static str,
    },
    /// A psql meta-command.
    #[error("line {0}: psql's \\-commands are not SQL")]
    Backslash(usize),
}

/// Splits `text` into its statements, in order.
pub fn split(text: &str) -> Result<Vec<Statement>, LexError> {
    read(text).map(|(statements, _)| statements)
}

pub(crate) fn read(text: &str) -> Result<(Vec<Statement>, Vec<Comment>), LexError> {
    let mut lexer = Lexer {
        text,
        chars: text.char_indices().peekable(),
        line: 1,
        draft: Draft::default(),
        done: Vec::new(),
        comments: Vec::new(),
    };
    lexer.run()?;
    Ok((lexer.done, lexer.comments))
}

struct Lexer<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    line: usize,
    draft: Draft,
    done: Vec<Statement>,
    comments: Vec<Comment>,
}

/// A statement that is not complete yet.
#[derive(Default)]
struct Draft {
    start: Option<(usize, usize)>,
    end: usize,
    words: Vec<String>,
    parentheses: usize,
    /// Nesting depth within `begin atomic … end`, the body of a function.
    atomic: usize,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), LexError> {
        while let Some((at, c)) = self.next() {
            match c {
                _ if c.is_whitespace() => {}
                '-' if self.next_is('-') => self.line_comment(at),
                '/' if self.next_is('*') => self.block_comment()?,
                '\\' => return Err(LexError::Backslash(self.line)),
                ';' if self.draft.parentheses == 0 && self.draft.atomic == 0 => self.finish(),
                _ => self.token(at, c)?,
            }
        }
        self.finish();
        Ok(())
    }

    fn token(&mut self, at: usize, c: char) -> Result<(), LexError> {
        self.draft.start.get_or_insert((at, self.line));
        match c {
            '\'' => self.quoted('\'', false, "text")?,
            '"' => self.quoted('"', false, "quoted name")?,
            '$' => self.dollar(at)?,
            '(' => self.draft.parentheses += 1,
            ')' => self.draft.parentheses = self.draft.parentheses.saturating_sub(1),
            _ if starts_word(c) => self.word(at)?,
            _ if c.is_ascii_digit() => self.skip_while(continues_word), // so that 1$1 holds no dollar quote
            _ => {}
        }
        self.draft.end = self.position();
        Ok(())
    }

    fn word(&mut self, at: usize) -> Result<(), LexError> {
        self.skip_while(continues_word);
        let word = self.text.get(at..self.position()).unwrap_or_default().to_lowercase();
        if self.next_is('\'') && ["e", "b", "x", "n"].contains(&&*word) {
            self.next();
            return self.quoted('\'', word == "e", "text");
        }
        let atomic_begins = word == "atomic" && self.draft.words.last().is_some_and(|last| last == "begin");
        match word.as_str() {
            _ if atomic_begins => self.draft.atomic = 1,
            "case" if self.draft.atomic > 0 => self.draft.atomic += 1,
            "end" => self.draft.atomic = self.draft.atomic.saturating_sub(1),
            _ => {}
        }
        self.draft.words.push(word);
        Ok(())
    }

    /// Skips a quoted string. `''` is an escaped quote; `\'` only in strings with escapes.
    fn quoted(&mut self, quote: char, escapes: bool, what: &'static str) -> Result<(), LexError> {
        let line = self.line;
        while let Some((_, c)) = self.next() {
            if c == '\\' && escapes {
                self.next();
            } else if c == quote && !self.next_is(quote) {
                return Ok(());
            } else if c == quote {
                self.next();
            }
        }
        Err(LexError::Unclosed { line, what })
    }

    /// Skips a dollar-quoted string `$tag$ … $tag$`, or a parameter such as `$1`.
    fn dollar(&mut self, at: usize) -> Result<(), LexError> {
        let rest = self.text.get(at + 1..).unwrap_or_default();
        let tag = rest.find(|c| !continues_word(c) || c == '$').unwrap_or(rest.len());
        let is_quote = rest.get(tag..).is_some_and(|after| after.starts_with('$'))
            && !rest.starts_with(|c: char| c.is_ascii_digit());
        if !is_quote {
            self.skip_while(|c| c.is_ascii_digit());
            return Ok(());
        }
        let line = self.line;
        let delimiter = self.text.get(at..at + tag + 2).unwrap_or_default();
        let body = at + delimiter.len();
        let length = self.text.get(body..).and_then(|body| body.find(delimiter));
        let end = body + length.ok_or(LexError::Unclosed { line, what: "dollar quote" })? + delimiter.len();
        while self.position() < end {
            self.next();
        }
        Ok(())
    }

    fn line_comment(&mut self, at: usize) {
        let line = self.line;
        self.skip_while(|c| c != '\n');
        let text = self.text.get(at + 2..self.position()).unwrap_or_default().trim().to_owned();
        self.comments.push(Comment { text, line, after: self.done.len() });
    }

    fn block_comment(&mut self) -> Result<(), LexError> {
        let (line, mut depth) = (self.line, 1);
        self.next();
        while depth > 0 {
            match self.next() {
                Some((_, '/')) if self.next_is('*') => depth += 1,
                Some((_, '*')) if self.next_is('/') => depth -= 1,
                Some(_) => continue,
                None => return Err(LexError::Unclosed { line, what: "comment" }),
            }
            self.next();
        }
        Ok(())
    }

    fn finish(&mut self) {
        let draft = std::mem::take(&mut self.draft);
        if let Some((start, line)) = draft.start {
            let text = self.text.get(start..draft.end).unwrap_or_default().to_owned();
            self.done.push(Statement { text, line, words: draft.words, at: start });
        }
    }

    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.chars.next();
        self.line += usize::from(matches!(next, Some((_, '\n'))));
        next
    }

    fn next_is(&mut self, wanted: char) -> bool {
        self.chars.peek().is_some_and(|(_, c)| *c == wanted)
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.chars.peek().is_some_and(|(_, c)| wanted(*c)) {
            self.next();
        }
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }
}

fn starts_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || !c.is_ascii()
}

fn continues_word(c: char) -> bool {
    starts_word(c) || c.is_ascii_digit() || c == '$'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        split(sql).unwrap().into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_where_it_is_one() {
        for whole in [
            "select ';'",
            "select 'it''s; fine'",
            r"select E'\';', 1",
            r#"select ";""#,
            "select $$;$$",
            "select $a$ $$;$$ ; $a$",
            "select /* ; /* ; */ ; */ 1",
            "select 1 -- ;\n, 2",
            "create rule r as on insert to t do (select 1; select 2)",
            "create function f() returns int language sql begin atomic select case when true then 1 end; select 2; end",
            "select a$1$b, 2",
            "select $1, $2",
            "select U&'d\\0061t;'",
        ] {
            assert_eq!(texts(&format!("{whole};select 2")), [whole, "select 2"], "{whole}");
        }
    }

    #[test]
    fn a_backslash_is_a_letter_in_an_ordinary_text() {
        assert_eq!(texts(r"select '\'; select 2"), [r"select '\'", "select 2"]);
    }

    #[test]
    fn an_unclosed_quote_or_comment_is_reported_with_its_line() {
        for (sql, what) in
            [("\n'a", "text"), ("\n$$a", "dollar quote"), ("\n/* /* */", "comment"), ("\n\"a", "quoted name")]
        {
            assert_eq!(split(sql), Err(LexError::Unclosed { line: 2, what }));
        }
        assert_eq!(split("select 1;\n\\connect other"), Err(LexError::Backslash(2)));
    }

    #[test]
    fn statements_know_their_line() {
        let lines: Vec<_> =
            split("select 1;\n\n-- why\nselect\n2;").unwrap().iter().map(|one| one.line).collect();
        assert_eq!(lines, [1, 4]);
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in r#"(\PC|[;'"$\\/*() \n-]|begin atomic|end|case|\$a\$){0,60}"#) {
            if let Ok(statements) = split(&text) {
                let mut from = 0;
                for statement in statements {
                    let at = text[from..].find(&statement.text);
                    prop_assert!(at.is_some(), "in order, as written");
                    from += at.unwrap() + statement.text.len();
                }
            }
        }

        #[test]
        fn splitting_a_statement_again_gives_the_same(text in r"[a-z0-9 ';$,()-]{0,60}") {
            for statement in split(&text).unwrap_or_default() {
                prop_assert_eq!(split(&statement.text).unwrap().len(), 1);
            }
        }
    }
}
