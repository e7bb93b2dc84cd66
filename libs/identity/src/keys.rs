//! Ed25519 keys (RFC 8037): private keys sign, public keys verify.

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::EncodingKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// Reason why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not an Ed25519 key in PKCS #8 PEM.
    #[error("it is not an Ed25519 private key in PKCS #8 PEM (openssl genpkey -algorithm ed25519)")]
    Unreadable,
    /// The sealed key cannot be decrypted.
    #[error("it is sealed under another NEXO_SECRET, or was changed")]
    Sealed,
    /// The cryptographic library failed to generate a key.
    #[error("it cannot be made")]
    NotMade,
}

/// Private key that signs access tokens.
#[derive(Clone)]
pub struct SigningKey {
    pub(crate) encoding: EncodingKey,
    public: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl SigningKey {
    /// Parses PKCS #8 PEM, as written by `openssl genpkey -algorithm ed25519`.
    pub fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let body: String = pem.expose_secret().lines().filter(|line| !line.starts_with("-----")).collect();
        let der = BASE64_STANDARD.decode(body.trim()).map_err(|_| KeyError::Unreadable)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| KeyError::Unreadable)?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(&der),
            public: Jwk::from_public_key(pair.public_key().as_ref()),
        })
    }

    /// Generates a new key in PEM format.
    pub fn generate() -> Result<SecretString, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::NotMade)?;
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::NotMade)?;
        let body = BASE64_STANDARD.encode(der.as_ref());
        Ok(SecretString::from(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")))
    }

    /// Public half of the key as a JWK.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.public
    }
}

/// A public key in JWK format (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key id: the thumbprint of the key (RFC 7638), so that a key has the same id everywhere.
    pub kid: String,
    /// Key type; always `OKP`.
    pub kty: String,
    /// Curve of the key; always `Ed25519`.
    pub crv: String,
    /// Public key in base64url.
    pub x: String,
    /// Algorithm of the key; always `EdDSA`.
    pub alg: String,
    /// Use of the key; always `sig`.
    #[serde(rename = "use")]
    pub purpose: String,
}

impl Jwk {
    fn from_public_key(public: &[u8]) -> Self {
        let x = BASE64_URL_SAFE_NO_PAD.encode(public);
        let thumbprint = digest::digest(
            &digest::SHA256,
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes(),
        );
        Self {
            kid: BASE64_URL_SAFE_NO_PAD.encode(thumbprint),
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x,
            alg: "EdDSA".into(),
            purpose: "sig".into(),
        }
    }
}

/// Set of public keys of an issuer (JWKS).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// Keys that valid tokens may be signed with.
    pub keys: Vec<Jwk>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_read_again_as_the_same() {
        let pem = SigningKey::generate().unwrap();
        assert_eq!(
            SigningKey::from_pem(&pem).unwrap().public(),
            SigningKey::from_pem(&pem).unwrap().public()
        );
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        assert!(matches!(SigningKey::from_pem(&"hello".into()), Err(KeyError::Unreadable)));
    }
}
