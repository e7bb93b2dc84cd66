//! Password strength: decides whether a password is accepted.

use zxcvbn::{Score, zxcvbn};

/// Reason for rejecting a password, with a message for its owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short (OWASP ASVS 5.0, 6.2.1).
    #[error("a password has at least 8 characters")]
    Short,
    /// Too long; the limit bounds the cost of a request.
    #[error("a password has at most 128 characters")]
    Long,
    /// Too easy to guess, with advice.
    #[error("this password is easy to guess{0}")]
    Guessable(String),
}

/// Estimates the number of guesses (zxcvbn; 10⁸ and more are accepted). `known` are words that an attacker would
/// try first, such as the person's name.
pub fn check_strength(password: &str, known: &[&str]) -> Result<(), WeakPassword> {
    match password.chars().count() {
        0..8 => return Err(WeakPassword::Short),
        129.. => return Err(WeakPassword::Long),
        _ => {}
    }
    let known: Vec<&str> = known.iter().copied().chain(["nexo"]).collect();
    let estimate = zxcvbn(password, &known);
    if estimate.score() >= Score::Three {
        return Ok(());
    }
    let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    Err(WeakPassword::Guessable(warning.map(|warning| format!(": {warning}")).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_must_withstand_guessing() {
        assert_eq!(check_strength("short", &[]), Err(WeakPassword::Short));
        assert_eq!(check_strength(&"x".repeat(129), &[]), Err(WeakPassword::Long));
        for weak in ["password123", "aaaaaaaaaaaa", "anna.smith", "qwertyuiop"] {
            assert!(
                matches!(check_strength(weak, &["anna.smith@acme.test"]), Err(WeakPassword::Guessable(_))),
                "{weak}"
            );
        }
        assert_eq!(check_strength("correct-horse-battery", &[]), Ok(()));
    }
}
