//! Whether a password is worth hashing.

use zxcvbn::{Score, zxcvbn};

/// Why a password is refused, in words for the person who chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// OWASP ASVS 5.0, 6.2.1.
    #[error("a password has at least 8 characters")]
    Short,
    /// Hashing takes any length; this bounds what one request may cost.
    #[error("a password has at most 128 characters")]
    Long,
    /// Too easy to guess, with what would help.
    #[error("this password is easy to guess{0}")]
    Guessable(String),
}

/// Judges a password by how many guesses it would take (zxcvbn: 10⁸ and more pass); `known` are words that an
/// attacker would try first, such as the person's name.
pub fn strength(password: &str, known: &[&str]) -> Result<(), Weakness> {
    match password.chars().count() {
        0..8 => return Err(Weakness::Short),
        129.. => return Err(Weakness::Long),
        _ => {}
    }
    let known: Vec<&str> = known.iter().copied().chain(["nexo"]).collect();
    let estimate = zxcvbn(password, &known);
    if estimate.score() >= Score::Three {
        return Ok(());
    }
    let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    Err(Weakness::Guessable(warning.map(|warning| format!(": {warning}")).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_must_withstand_guessing() {
        assert_eq!(strength("short", &[]), Err(Weakness::Short));
        assert_eq!(strength(&"x".repeat(129), &[]), Err(Weakness::Long));
        for weak in ["password123", "aaaaaaaaaaaa", "anna.smith", "qwertyuiop"] {
            assert!(
                matches!(strength(weak, &["anna.smith@acme.test"]), Err(Weakness::Guessable(_))),
                "{weak}"
            );
        }
        assert_eq!(strength("correct-horse-battery", &[]), Ok(()));
    }
}
