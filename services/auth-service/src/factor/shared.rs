//! What an authenticator app and we know, and what becomes of it as time passes.

use aws_lc_rs::rand;
use kernel::UserId;
use qrcode::{QrCode, render::svg};
use totp_rs::{Algorithm, Builder, Secret, Totp, TotpError};
use uuid::Uuid;
use web::{Error, Result};

use super::Factors;

/// 160 bits, as long as what SHA-1 makes of them (RFC 4226, section 4).
pub(super) struct Shared(Vec<u8>);

impl Shared {
    pub(super) fn generate() -> Result<Self> {
        let mut bytes = vec![0; 20];
        rand::fill(&mut bytes).map_err(|_| Error::Internal("the system has no randomness".into()))?;
        Ok(Self(bytes))
    }

    /// As it is kept: good in the row of this person alone.
    pub(super) fn seal(&self, factors: &Factors, user: UserId) -> Result<Vec<u8>> {
        let sealed = factors.0.sealer.seal(Uuid::from(user).as_bytes(), &self.0);
        sealed.map_err(|error| Error::Internal(error.into()))
    }

    pub(super) fn open(factors: &Factors, user: UserId, sealed: &[u8]) -> Result<Self> {
        let opened = factors.0.sealer.open(Uuid::from(user).as_bytes(), sealed);
        Ok(Self(opened.map_err(|error| Error::Internal(error.into()))?))
    }

    /// As a person types it.
    pub(super) fn text(&self) -> String {
        Secret::from(self.0.clone()).to_base32()
    }

    /// As an app reads it; it shows the e-mail beside the codes.
    pub(super) fn uri(&self, email: &str) -> Result<String> {
        let label = email.replace(':', "");
        self.totp(&label).and_then(|totp| totp.to_url()).map_err(|error| Error::Internal(error.into()))
    }

    /// The step of `code`: the present one, or one of its neighbours, since clocks differ and people type slowly.
    pub(super) fn step_of(&self, code: &str, now: u64) -> Result<Option<i64>> {
        let totp = self.totp("").map_err(|error| Error::Internal(error.into()))?;
        Ok(totp.check(code, now).and_then(|step| i64::try_from(step).ok()))
    }

    /// What every app can do; many ignore it when an address asks for more.
    fn totp(&self, label: &str) -> Result<Totp, TotpError> {
        let rules = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30);
        let of = rules.with_skew(1).with_issuer(Some("NEXO")).with_account_name(label);
        of.with_secret(self.0.clone()).build()
    }
}

/// A picture of `uri` for a phone's camera.
pub(super) fn picture(uri: &str) -> Result<String> {
    let code = QrCode::new(uri).map_err(|error| Error::Internal(error.into()))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, of which apps show the last six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let shared = Shared(b"12345678901234567890".to_vec());
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(shared.step_of(code, time).unwrap(), i64::try_from(time / 30).ok(), "{time}");
        }
    }

    #[test]
    fn a_neighbouring_step_is_taken_and_no_other() {
        let shared = Shared(b"12345678901234567890".to_vec());
        let took = |time| shared.step_of("081804", time).unwrap();
        let step = Some(1_111_111_109 / 30);
        assert_eq!([1_111_111_079, 1_111_111_109, 1_111_111_139].map(took), [step; 3]);
        assert_eq!([1_111_111_049, 1_111_111_170].map(took), [None; 2]);
    }

    #[test]
    fn an_address_says_whose_it_is() {
        let shared = Shared(b"12345678901234567890".to_vec());
        let uri = "otpauth://totp/NEXO:ana%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=NEXO";
        assert_eq!(shared.uri("ana@acme.test").unwrap(), uri);
        assert_eq!(shared.uri("ana:@acme.test").unwrap(), uri);
        assert!(picture(uri).unwrap().contains("<svg"));
    }
}
