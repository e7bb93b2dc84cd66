//! Statements that are limited to one account, checked at compile time.

/// A query of one account, `$1`. It does not compile without the account, or if it writes.
#[derive(Debug, Clone, Copy)]
pub struct TenantQuery(pub(crate) &'static str);

/// A statement that writes rows of one account, `$1`. It does not compile without the account.
#[derive(Debug, Clone, Copy)]
pub struct TenantCommand(pub(crate) &'static str);

/// A call of a database function that is allowed before an account is known, or that determines the account
/// itself.
#[derive(Debug, Clone, Copy)]
pub struct LookupFunction(pub(crate) &'static str);

impl TenantQuery {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If `account_id` or `$1` is missing, or the statement writes.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(
            starts_with(text, "select ") || starts_with(text, "with "),
            "a statement that reads begins with select or with"
        );
        assert!(!writes(text), "a statement that writes is a TenantCommand");
        Self(text)
    }
}

impl TenantCommand {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If `account_id` or `$1` is missing, or the statement revokes sessions.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(!is_ending(text), "a statement that ends sessions is a SessionRevocation");
        Self(text)
    }
}

impl LookupFunction {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If it is not a call of a function in schema `app`.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(
            starts_with(text, "select ") && contains(text, "from app.") && contains(text, "("),
            "call a function of schema app"
        );
        assert!(
            !contains(text, " where ") && !contains(text, " join "),
            "a look-up is a call and nothing more"
        );
        Self(text)
    }
}

/// A statement that revokes sessions of the account `$1`, or increments their epoch. It ends with `returning id, epoch, revoked_at`.
#[derive(Debug, Clone, Copy)]
pub struct SessionRevocation(pub(crate) &'static str);

/// Returning clause that such a statement must end with.
const RETURNED: &str = "returning id, epoch, revoked_at";

impl SessionRevocation {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If `account_id` or `$1` is missing, or it does not return the revoked sessions.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        assert!(contains(text, "account_id") && contains(text, "$1"), "say `account_id = $1`");
        assert!(is_ending(text), "a statement that ends no session is a TenantCommand");
        assert!(ends_with(text, RETURNED), "end with `returning id, epoch, revoked_at`");
        Self(text)
    }
}

/// Whether the statement invalidates tokens that were valid before.
const fn is_ending(text: &str) -> bool {
    contains(text, "update app.sessions")
        && (contains(text, "revoked_at = ") || contains(text, "epoch = epoch + 1"))
}

/// A statement with `N` placeholders for conditions, `{0}` and so on, each after a `where …`. A missing
/// placeholder is a compile error.
#[derive(Debug, Clone, Copy)]
pub struct RestrictedStatement<S, const N: usize>(pub(crate) S);

impl<const N: usize> RestrictedStatement<TenantQuery, N> {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If a placeholder is missing, or `text` is not a valid [`TenantQuery`].
    #[must_use]
    pub const fn reading(text: &'static str) -> Self {
        assert!(has_places::<N>(text), "say where each condition goes");
        Self(TenantQuery::new(text))
    }
}

impl<const N: usize> RestrictedStatement<TenantCommand, N> {
    /// Checks `text` at compile time, in a `const`.
    ///
    /// # Panics
    ///
    /// If a placeholder is missing, or `text` is not a valid [`TenantCommand`].
    #[must_use]
    pub const fn writing(text: &'static str) -> Self {
        assert!(has_places::<N>(text), "say where each condition goes");
        Self(TenantCommand::new(text))
    }
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn has_places<const N: usize>(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut place = 0;
    while place < N {
        let (mut at, mut found) = (0, false);
        while at + 2 < bytes.len() {
            found |=
                bytes[at] == b'{' && bytes[at + 1] as usize == b'0' as usize + place && bytes[at + 2] == b'}';
            at += 1;
        }
        if !found {
            return false;
        }
        place += 1;
    }
    true
}

/// Whether `text` contains a writing keyword of SQL; `for update` locks and writes nothing.
const fn writes(text: &str) -> bool {
    let mut at = 0;
    while at < text.len() {
        let changes = word_at(text, "update", at) && !(at >= 4 && matches_at(text, "for ", at - 4));
        let adds_or_removes = word_at(text, "insert", at)
            || word_at(text, "delete", at)
            || word_at(text, "merge", at)
            || word_at(text, "truncate", at);
        if changes || adds_or_removes {
            return true;
        }
        at += 1;
    }
    false
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn word_at(text: &str, word: &str, at: usize) -> bool {
    const fn in_word(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_'
    }
    let end = at + word.len();
    let bytes = text.as_bytes();
    end <= bytes.len()
        && matches_at(text, word, at)
        && (at == 0 || !in_word(bytes[at - 1]))
        && (end == bytes.len() || !in_word(bytes[end]))
}

const fn contains(text: &str, part: &str) -> bool {
    let mut at = 0;
    while at + part.len() <= text.len() {
        if matches_at(text, part, at) {
            return true;
        }
        at += 1;
    }
    false
}

const fn starts_with(text: &str, part: &str) -> bool {
    part.len() <= text.len() && matches_at(text, part, 0)
}

const fn ends_with(text: &str, part: &str) -> bool {
    part.len() <= text.len() && matches_at(text, part, text.len() - part.len())
}

#[expect(clippy::indexing_slicing, reason = "a const function has no other way, and fails at compile time")]
const fn matches_at(text: &str, part: &str, at: usize) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut same = 0;
    while same < part.len() && text[at + same].to_ascii_lowercase() == part[same] {
        same += 1;
    }
    same == part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restricted_statement_has_a_place_for_each_condition() {
        assert!(has_places::<2>("x{0} y{1}") && !has_places::<2>("x{0}") && has_places::<0>(""));
    }

    #[test]
    fn a_word_for_writing_is_known_wherever_it_stands() {
        for text in [
            "update app.t set a = 1",
            "with gone as (delete\nfrom app.t) select 1",
            "with new as (INSERT  INTO app.t values (1)) select 1",
            "with a as (update app.t set a = 1) select 1 for update",
            "merge into app.t using s on true when matched then delete",
        ] {
            assert!(writes(text), "{text}");
        }
        for text in [
            "select updated_at, deleted_at from app.t",
            "select 1 from app.t for update",
            "select inserted from app.t",
        ] {
            assert!(!writes(text), "{text}");
        }
    }
}
