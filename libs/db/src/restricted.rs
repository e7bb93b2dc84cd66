//! Hand-written statements that respect the caller's access scope: conditions are inserted at placeholders.

use sqlx::{FromRow, postgres::PgRow};

use crate::{Resource, Sql, SubjectKind, TenantCommand, TenantQuery, TenantTx, access::ME, subjects};

/// SQL condition of an access scope: ` and …`, or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlCondition(pub(crate) String);

impl SqlCondition {
    /// Text of the condition. Cursors are bound to it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A statement with `N` placeholders for conditions, `{0}` and so on, each after a `where …`. A missing
/// placeholder is a compile error.
#[derive(Debug, Clone, Copy)]
pub struct RestrictedStatement<S, const N: usize>(S);

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

fn filled<const N: usize>(text: &str, conditions: &[SqlCondition; N]) -> String {
    let each = conditions.iter().enumerate();
    each.fold(text.to_owned(), |text, (at, condition)| text.replace(&format!("{{{at}}}"), &condition.0))
}

impl TenantTx {
    /// SQL condition that the transaction's user may read a record of `R` with this alias.
    #[must_use]
    pub fn readable<R: Resource>(&self, alias: &'static str) -> SqlCondition {
        SqlCondition(self.reach.reading_as::<R>(alias, ME).unwrap_or_else(|| " and false".to_owned()))
    }

    /// SQL condition that a row's subject (`subject_type`, `subject_id`) is of one of these kinds and may be read.
    #[must_use]
    pub fn about_readable(&self, kinds: &[SubjectKind], alias: &'static str) -> SqlCondition {
        SqlCondition(subjects::condition(kinds, &self.reach, alias, ME))
    }

    /// Prepares a query, with these conditions inserted at its placeholders.
    pub fn read_restricted<T, const N: usize>(
        &mut self,
        text: RestrictedStatement<TenantQuery, N>,
        conditions: &[SqlCondition; N],
    ) -> Sql<'_, T>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.built(filled(text.0.0, conditions))
    }

    /// Prepares a write without audit entry, with these conditions inserted at its placeholders.
    pub fn execute_untracked_restricted<T, const N: usize>(
        &mut self,
        text: RestrictedStatement<TenantCommand, N>,
        conditions: &[SqlCondition; N],
    ) -> Sql<'_, T> {
        self.built(filled(text.0.0, conditions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_goes_to_its_own_place() {
        let conditions = [SqlCondition(" and a".to_owned()), SqlCondition(String::new())];
        assert_eq!(filled("x{0} y{1} z{0}", &conditions), "x and a y z and a");
        assert!(has_places::<2>("x{0} y{1}") && !has_places::<2>("x{0}") && has_places::<0>(""));
    }
}
