//! Hand-written statements that respect the caller's access scope: conditions are inserted at placeholders.

#![expect(clippy::disallowed_methods, reason = "the conditions of access scopes are generated here")]

use super::{Sql, TenantTx};
use crate::{AccessTarget, FromRow, ME, RestrictedStatement, TenantCommand, TenantQuery};

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

fn filled<const N: usize>(text: &str, conditions: &[SqlCondition; N]) -> String {
    let each = conditions.iter().enumerate();
    each.fold(text.to_owned(), |text, (at, condition)| text.replace(&format!("{{{at}}}"), &condition.0))
}

impl TenantTx {
    /// SQL condition that the transaction's user may read a record of `target` with this alias.
    #[must_use]
    pub fn readable(&self, target: &AccessTarget, alias: &'static str) -> SqlCondition {
        SqlCondition(self.scope.reading_as(target, alias, ME).unwrap_or_else(|| " and false".to_owned()))
    }

    /// SQL condition that a row's subject (`subject_type`, `subject_id`) is of one of these kinds and may be read.
    #[must_use]
    pub fn about_readable(&self, kinds: &[AccessTarget], alias: &'static str) -> SqlCondition {
        SqlCondition(self.scope.about(kinds, alias))
    }

    /// Prepares a query, with these conditions inserted at its placeholders.
    pub fn read_restricted<T, const N: usize>(
        &mut self,
        text: RestrictedStatement<TenantQuery, N>,
        conditions: &[SqlCondition; N],
    ) -> Sql<'_, T>
    where
        T: FromRow,
    {
        self.generated(filled(text.0.0, conditions))
    }

    /// Prepares a write without audit entry, with these conditions inserted at its placeholders.
    pub fn execute_untracked_restricted<T, const N: usize>(
        &mut self,
        text: RestrictedStatement<TenantCommand, N>,
        conditions: &[SqlCondition; N],
    ) -> Sql<'_, T> {
        self.generated(filled(text.0.0, conditions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_goes_to_its_own_place() {
        let conditions = [SqlCondition(" and a".to_owned()), SqlCondition(String::new())];
        assert_eq!(filled("x{0} y{1} z{0}", &conditions), "x and a y z and a");
    }
}
