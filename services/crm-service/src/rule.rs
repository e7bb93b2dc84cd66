//! How the records of the CRM say no.

use db::{Refusal, Sort};
use kernel::Amount;

/// A rule that refused a write: a constraint of the table, or one that `check` knows. A value rather than an enum for each
/// resource, which would be three more lists of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{says}{}", from_here(*possible))]
pub struct Rule {
    code: &'static str,
    sort: Sort,
    pointer: &'static str,
    says: &'static str,
    /// What the value may be as things stand, where that is known.
    possible: Option<&'static [&'static str]>,
}

fn from_here(values: Option<&[&str]>) -> String {
    match values {
        None => String::new(),
        Some([]) => ": it stays as it is".to_owned(),
        Some(values) => format!("; from there it goes to {}", values.join(", ")),
    }
}

impl Rule {
    /// The value at `pointer` cannot be, as things stand.
    pub(crate) const fn conflict(code: &'static str, pointer: &'static str, says: &'static str) -> Self {
        Self { code, sort: Sort::Conflict, pointer, says, possible: None }
    }

    /// The value at `pointer` can never be.
    pub(crate) const fn invalid(code: &'static str, pointer: &'static str, says: &'static str) -> Self {
        Self { code, sort: Sort::Invalid, pointer, says, possible: None }
    }

    /// The same, which tells what the value may be as things stand.
    pub(crate) const fn but(self, possible: &'static [&'static str]) -> Self {
        Self { possible: Some(possible), ..self }
    }

    /// The rule of this constraint.
    pub(crate) fn of(rules: &[(&str, Self)], constraint: &str) -> Option<Self> {
        rules.iter().find(|(name, _)| *name == constraint).map(|(_, rule)| *rule)
    }
}

impl Refusal for Rule {
    fn code(&self) -> &'static str {
        self.code
    }

    fn sort(&self) -> Sort {
        self.sort
    }

    fn pointer(&self) -> Option<&'static str> {
        Some(self.pointer)
    }
}

/// No amount is negative, each by its rule, and without a currency none says anything.
pub(crate) fn money(
    amounts: &[(Option<Amount>, Rule)],
    currency: Option<&String>,
    missing: Rule,
) -> Result<(), Rule> {
    for (amount, negative) in amounts {
        match amount {
            Some(amount) if amount.decimal().is_sign_negative() => return Err(*negative),
            Some(_) if currency.is_none() => return Err(missing),
            _ => {}
        }
    }
    Ok(())
}
