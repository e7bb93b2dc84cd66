//! Spans of what is asked of the database. A statement's text holds no values: those travel beside it, and are in no span.

use signals::{Kind, Named, Span};

/// No statement that is worth reading is longer.
const LONGEST: usize = 2000;

/// A transaction, from the moment that it asks for a connection. What is asked again and again for nobody is in no trace.
pub(crate) fn transaction() -> Span {
    Span::current()
        .part(Kind::Internal, || Named::new("transaction").with([("db.system.name", "postgresql".into())]))
}

/// A statement of it.
pub(crate) fn statement(of: &Span, text: &str) -> Span {
    of.part(Kind::Client, || named(text))
}

/// What came of it. The server's words may hold what somebody wrote; its codes do not.
pub(crate) fn judge<T>(span: &Span, answer: &Result<T, sqlx::Error>) {
    let Err(error) = answer else { return };
    if !span.is_on() {
        return;
    }
    match error.as_database_error().and_then(sqlx::error::DatabaseError::code) {
        Some(code) => {
            span.set("db.response.status_code", code.to_string());
            span.failed(code.into_owned());
        }
        None => span.failed("connection"),
    }
}

fn named(text: &str) -> Named {
    let (operation, table) = (operation(text), table(text));
    let name = table.map_or_else(|| operation.clone(), |table| format!("{operation} {table}"));
    let known = [
        ("db.system.name", "postgresql".into()),
        ("db.operation.name", operation.into()),
        ("db.query.text", text.chars().take(LONGEST).collect::<String>().into()),
    ];
    Named::new(name)
        .with(known.into_iter().chain(table.map(|table| ("db.collection.name", table.to_owned().into()))))
}

fn operation(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
}

/// The first one that it names, or the function.
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
