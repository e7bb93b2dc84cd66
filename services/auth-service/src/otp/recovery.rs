//! Recovery codes: each replaces a code of the app once.

use aws_lc_rs::{hmac, rand};
use kernel::UserId;
use serde::Serialize;
use totp_rs::Secret;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Error, Result};

use super::Factors;

const HOW_MANY: usize = 10;
/// 128 bits: 26 characters (ASVS 5.0, 6.5.2 asks for 112).
const BYTES: usize = 16;

/// Recovery codes of a user. They are shown only once; only hashes are stored. No `Debug`, so that they cannot be
/// logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Ten codes, each valid once.
    #[schema(example = json!(["MFRG-GZDF-MZTW-Q2LK-NRWW-233Q-OE"]))]
    recovery_codes: Vec<String>,
}

impl RecoveryCodes {
    pub(crate) fn generate() -> Result<Self> {
        let recovery_codes = (0..HOW_MANY).map(|_| one()).collect::<Result<_>>()?;
        Ok(Self { recovery_codes })
    }

    /// Hashes of the codes, as stored in the database.
    pub(crate) fn hashes(&self, factors: &Factors, user: UserId) -> Vec<Vec<u8>> {
        self.recovery_codes.iter().map(|code| hash(factors, user, &normal(code))).collect()
    }
}

/// Keyed hash of a presented code, as stored in the database.
pub(crate) fn hash(factors: &Factors, user: UserId, normal: &str) -> Vec<u8> {
    let text = [Uuid::from(user).as_bytes(), normal.as_bytes()].concat();
    hmac::sign(&factors.0.codes, &text).as_ref().to_vec()
}

/// Normalizes a code: removes white space and hyphens, and converts to upper case.
pub(crate) fn normal(shown: &str) -> String {
    let kept = shown.chars().filter(|sign| !sign.is_whitespace() && *sign != '-');
    kept.map(|sign| sign.to_ascii_uppercase()).collect()
}

fn one() -> Result<String> {
    let mut bytes = vec![0; BYTES];
    rand::fill(&mut bytes).map_err(|_| Error::Internal("the system has no randomness".into()))?;
    let mut grouped = String::new();
    for (at, sign) in Secret::from(bytes).to_base32().chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(sign);
    }
    Ok(grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_ten_and_read_as_people_write_them() {
        let mut codes = RecoveryCodes::generate().unwrap().recovery_codes;
        for code in &codes {
            assert_eq!(normal(code).len(), 26, "{code}");
            assert_eq!(normal(&format!(" {} ", code.to_lowercase().replace('-', " "))), normal(code));
        }
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 10);
    }
}
