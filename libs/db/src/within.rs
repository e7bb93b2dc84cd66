//! Statements by hand that keep within somebody's reach: each has places for the conditions that the engine writes.

use sqlx::{FromRow, postgres::PgRow};

use crate::{Resource, Scoped, ScopedWrite, Sql, SubjectKind, TenantTx, reach::ME, subjects};

/// A condition of the engine: ` and …`, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(pub(crate) String);

impl Condition {
    /// As it stands in the statement: what a cursor belongs to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A statement with places for `N` conditions, `{0}` and so on, each after a `where …`. One that lacks a place does not
/// compile.
#[derive(Debug, Clone, Copy)]
pub struct Within<S, const N: usize>(S);

impl<const N: usize> Within<Scoped, N> {
    /// Checks `text`, when it makes a `const`.
    ///
    /// # Panics
    ///
    /// When a place is missing, or `text` is no [`Scoped`].
    #[must_use]
    pub const fn reading(text: &'static str) -> Self {
        assert!(has_places::<N>(text), "say where each condition goes");
        Self(Scoped::new(text))
    }
}

impl<const N: usize> Within<ScopedWrite, N> {
    /// Checks `text`, when it makes a `const`.
    ///
    /// # Panics
    ///
    /// When a place is missing, or `text` is no [`ScopedWrite`].
    #[must_use]
    pub const fn writing(text: &'static str) -> Self {
        assert!(has_places::<N>(text), "say where each condition goes");
        Self(ScopedWrite::new(text))
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

fn filled<const N: usize>(text: &str, conditions: &[Condition; N]) -> String {
    let each = conditions.iter().enumerate();
    each.fold(text.to_owned(), |text, (at, condition)| text.replace(&format!("{{{at}}}"), &condition.0))
}

impl TenantTx {
    /// The condition that a record of `R`, which the statement calls `alias`, may be read by whose transaction this is.
    #[must_use]
    pub fn readable<R: Resource>(&self, alias: &'static str) -> Condition {
        Condition(self.reach.reading_as::<R>(alias, ME).unwrap_or_else(|| " and false".to_owned()))
    }

    /// The condition that a row with `subject_type` and `subject_id` is about a record of one of these kinds that may be
    /// read.
    #[must_use]
    pub fn about_readable(&self, kinds: &[SubjectKind], alias: &'static str) -> Condition {
        Condition(subjects::condition(kinds, &self.reach, alias, ME))
    }

    /// A statement that reads, with these conditions in its places.
    pub fn read_within<T, const N: usize>(
        &mut self,
        text: Within<Scoped, N>,
        conditions: &[Condition; N],
    ) -> Sql<'_, T>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.built(filled(text.0.0, conditions))
    }

    /// A statement that changes what has no history, with these conditions in its places.
    pub fn write_unnoted_within<T, const N: usize>(
        &mut self,
        text: Within<ScopedWrite, N>,
        conditions: &[Condition; N],
    ) -> Sql<'_, T> {
        self.built(filled(text.0.0, conditions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_goes_to_its_own_place() {
        let conditions = [Condition(" and a".to_owned()), Condition(String::new())];
        assert_eq!(filled("x{0} y{1} z{0}", &conditions), "x and a y z and a");
        assert!(has_places::<2>("x{0} y{1}") && !has_places::<2>("x{0}") && has_places::<0>(""));
    }
}
