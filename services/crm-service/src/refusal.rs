//! Business rules that refuse a write to a record.

use db::{Refusal, RefusalKind};
use kernel::{Amount, CurrencyCode};

/// A violated rule: a constraint of the table, or a check of the resource. A value rather than an enum for each
/// resource, which would be three more lists of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{says}{}", from_here(*possible))]
pub struct Rule {
    code: &'static str,
    sort: RefusalKind,
    pointer: &'static str,
    says: &'static str,
    /// Values that are possible at present, if known.
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
    /// The value at `pointer` conflicts with the present state.
    pub(crate) const fn conflict(code: &'static str, pointer: &'static str, says: &'static str) -> Self {
        Self { code, sort: RefusalKind::Conflict, pointer, says, possible: None }
    }

    /// The value at `pointer` is never valid.
    pub(crate) const fn invalid(code: &'static str, pointer: &'static str, says: &'static str) -> Self {
        Self { code, sort: RefusalKind::Invalid, pointer, says, possible: None }
    }

    /// Adds the values that are possible at present.
    pub(crate) const fn but(self, possible: &'static [&'static str]) -> Self {
        Self { possible: Some(possible), ..self }
    }

    /// The rule that belongs to this constraint.
    pub(crate) fn find(rules: &[(&str, Self)], constraint: &str) -> Option<Self> {
        rules.iter().find(|(name, _)| *name == constraint).map(|(_, rule)| *rule)
    }
}

impl Refusal for Rule {
    fn code(&self) -> &'static str {
        self.code
    }

    fn kind(&self) -> RefusalKind {
        self.sort
    }

    fn pointer(&self) -> Option<&'static str> {
        Some(self.pointer)
    }
}

/// Checks that no amount is negative, and that amounts have a currency.
pub(crate) fn money(
    amounts: &[(Option<Amount>, Rule)],
    currency: Option<&CurrencyCode>,
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
