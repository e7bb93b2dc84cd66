//! Trace spans of database access. They contain statement texts, but no values: those are bound parameters.

use ::telemetry::{Kind, Span, SpanInit};

use crate::SqlError;

/// Maximum length of a statement text in a span.
const MAX_STATEMENT_BYTES: usize = 2000;

/// Starts the span of a transaction, which includes the wait for a connection. Background polling has no parent
/// span and is not traced.
pub(crate) fn transaction() -> Span {
    Span::current().child(Kind::Internal, || {
        SpanInit::new("transaction").with([("db.system.name", "postgresql".into())])
    })
}

/// Starts the span of one statement.
pub(crate) fn statement(of: &Span, text: &str) -> Span {
    of.child(Kind::Client, || named(text))
}

/// Records the outcome. Only the SQLSTATE is recorded, because the server's message may contain user data.
pub(crate) fn judge<T>(span: &Span, answer: &Result<T, SqlError>) {
    let Err(error) = answer else { return };
    if !span.is_recording() {
        return;
    }
    match error.code() {
        Some(code) => {
            span.set("db.response.status_code", code.to_string());
            span.set_error(code.into_owned());
        }
        None => span.set_error("connection"),
    }
}

fn named(text: &str) -> SpanInit {
    let (operation, table) = (operation(text), table(text));
    let name = table.map_or_else(|| operation.clone(), |table| format!("{operation} {table}"));
    let known = [
        ("db.system.name", "postgresql".into()),
        ("db.operation.name", operation.into()),
        ("db.query.text", text.chars().take(MAX_STATEMENT_BYTES).collect::<String>().into()),
    ];
    SpanInit::new(name)
        .with(known.into_iter().chain(table.map(|table| ("db.collection.name", table.to_owned().into()))))
}

fn operation(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
}

/// First table or function of schema `app` in the statement.
fn table(text: &str) -> Option<&str> {
    let begins = text.find("app.")?;
    let rest = text.get(begins..)?;
    let ends = rest.find(|one: char| !(one.is_ascii_alphanumeric() || one == '_' || one == '.'));
    rest.get(..ends.unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_what_it_does_and_to_what() {
        for (text, wanted) in [
            ("select id from app.clients where account_id = $1", ("SELECT", Some("app.clients"))),
            ("\n    insert into app.outbox (id) values ($1)", ("INSERT", Some("app.outbox"))),
            ("select app.enter($1, $2, $3)", ("SELECT", Some("app.enter"))),
            ("commit", ("COMMIT", None)),
        ] {
            assert_eq!((operation(text).as_str(), table(text)), wanted);
        }
    }
}
