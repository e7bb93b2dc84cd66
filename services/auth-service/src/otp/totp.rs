//! The shared secret of the authenticator app, and the codes derived from it (TOTP).

use aws_lc_rs::rand;
use kernel::UserId;
use qrcode::{QrCode, render::svg};
use totp_rs::{Algorithm, Builder, Secret, Totp, TotpError};
use uuid::Uuid;
use web::{Error, Result};

use super::Factors;

/// 160 bits, the output length of SHA-1 (recommended by RFC 4226, section 4).
pub(crate) struct TotpSecret(Vec<u8>);

impl TotpSecret {
    pub(crate) fn generate() -> Result<Self> {
        let mut bytes = vec![0; 20];
        rand::fill(&mut bytes).map_err(|_| Error::Internal("the system has no randomness".into()))?;
        Ok(Self(bytes))
    }

    /// Encrypts the secret for storage, bound to this user's row.
    pub(crate) fn seal(&self, factors: &Factors, user: UserId) -> Result<Vec<u8>> {
        let sealed = factors.0.sealer.seal(Uuid::from(user).as_bytes(), &self.0);
        sealed.map_err(|error| Error::Internal(error.into()))
    }

    pub(crate) fn open(factors: &Factors, user: UserId, sealed: &[u8]) -> Result<Self> {
        let opened = factors.0.sealer.open(Uuid::from(user).as_bytes(), sealed);
        Ok(Self(opened.map_err(|error| Error::Internal(error.into()))?))
    }

    /// Base32 text of the secret, to be typed in.
    pub(crate) fn text(&self) -> String {
        Secret::from(self.0.clone()).to_base32()
    }

    /// `otpauth:` URI for the app, which shows the e-mail beside the codes.
    pub(crate) fn uri(&self, email: &str) -> Result<String> {
        let label = email.replace(':', "");
        self.totp(&label).and_then(|totp| totp.to_url()).map_err(|error| Error::Internal(error.into()))
    }

    /// The time step of `code`: the present one or one of its neighbours, to allow for clock drift and slow typing.
    pub(crate) fn step_of(&self, code: &str, now: u64) -> Result<Option<i64>> {
        let totp = self.totp("").map_err(|error| Error::Internal(error.into()))?;
        Ok(totp.check(code, now).and_then(|step| i64::try_from(step).ok()))
    }

    /// Parameters that every app supports; many apps ignore stronger ones in the URI.
    fn totp(&self, label: &str) -> Result<Totp, TotpError> {
        let rules = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30);
        let of = rules.with_skew(1).with_issuer(Some("NEXO")).with_account_name(label);
        of.with_secret(self.0.clone()).build()
    }
}

/// QR code of `uri` as an SVG image.
pub(crate) fn picture(uri: &str) -> Result<String> {
    let code = QrCode::new(uri).map_err(|error| Error::Internal(error.into()))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of RFC 6238, appendix B, truncated to the six digits that apps show.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let shared = TotpSecret(b"12345678901234567890".to_vec());
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(shared.step_of(code, time).unwrap(), i64::try_from(time / 30).ok(), "{time}");
        }
    }

    #[test]
    fn a_neighbouring_step_is_taken_and_no_other() {
        let shared = TotpSecret(b"12345678901234567890".to_vec());
        let took = |time| shared.step_of("081804", time).unwrap();
        let step = Some(1_111_111_109 / 30);
        assert_eq!([1_111_111_079, 1_111_111_109, 1_111_111_139].map(took), [step; 3]);
        assert_eq!([1_111_111_049, 1_111_111_170].map(took), [None; 2]);
    }

    #[test]
    fn an_address_says_whose_it_is() {
        let shared = TotpSecret(b"12345678901234567890".to_vec());
        let uri = "otpauth://totp/NEXO:ana%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=NEXO";
        assert_eq!(shared.uri("ana@acme.test").unwrap(), uri);
        assert_eq!(shared.uri("ana:@acme.test").unwrap(), uri);
        assert!(picture(uri).unwrap().contains("<svg"));
    }
}
