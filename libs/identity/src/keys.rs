//! Ed25519 keys (RFC 8037): one signs, its public half verifies.

use std::{
    collections::HashMap, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc,
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a PKCS #8 PEM file of an Ed25519 key.
    #[error("it is not an Ed25519 private key in PKCS #8 PEM (openssl genpkey -algorithm ed25519)")]
    Unreadable,
    /// The file that keeps it.
    #[error("its file cannot be read or made")]
    File(#[from] std::io::Error),
}

/// Signs access tokens.
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
    /// Reads PKCS #8 PEM, as `openssl genpkey -algorithm ed25519` writes it.
    pub fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let body: String = pem.expose_secret().lines().filter(|line| !line.starts_with("-----")).collect();
        let der = BASE64_STANDARD.decode(body.trim()).map_err(|_| KeyError::Unreadable)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| KeyError::Unreadable)?;
        Ok(Self { encoding: EncodingKey::from_ed_der(&der), public: Jwk::of(pair.public_key().as_ref()) })
    }

    /// A new key, as PEM.
    pub fn generate() -> Result<SecretString, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Unreadable)?;
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::Unreadable)?;
        let body = BASE64_STANDARD.encode(der.as_ref());
        Ok(SecretString::from(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")))
    }

    /// The key kept in `file`; made there, readable for its owner alone, when the file does not exist yet.
    pub fn kept_in(file: &Path) -> Result<Self, KeyError> {
        if !file.exists() {
            write_once(file, Self::generate()?.expose_secret())?;
        }
        Self::from_pem(&SecretString::from(fs::read_to_string(file)?))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.public
    }
}

/// Writes a secret so that a second writer, or a crash half way, cannot leave another or half of one.
pub(crate) fn write_once(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = file.with_extension(format!("draft-{}", std::process::id()));
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A public key as RFC 7517 and RFC 8037 write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The thumbprint of the key (RFC 7638), so that the same key has the same name everywhere.
    pub kid: String,
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// The key itself.
    pub x: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub purpose: String,
}

impl Jwk {
    fn of(public: &[u8]) -> Self {
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

/// The public keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// All keys that tokens may be signed with.
    pub keys: Vec<Jwk>,
}

/// The keys by which tokens are verified now; they may be replaced while requests run.
#[derive(Clone, Default)]
pub struct PublicKeys(Arc<ArcSwap<HashMap<String, DecodingKey>>>);

impl PublicKeys {
    /// Takes the keys of `jwks` in place of the present ones. Those that are not Ed25519 are passed over: another
    /// kind of key is never ours.
    pub fn replace(&self, jwks: &Jwks) {
        let usable = jwks.keys.iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
        let keys =
            usable.filter_map(|key| Some((key.kid.clone(), DecodingKey::from_ed_components(&key.x).ok()?)));
        self.0.store(Arc::new(keys.collect()));
    }

    pub(crate) fn find(&self, kid: &str) -> Option<DecodingKey> {
        self.0.load().get(kid).cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }
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
    fn a_key_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys/signing.pem");
        let first = SigningKey::kept_in(&file).unwrap();
        assert_eq!(SigningKey::kept_in(&file).unwrap().public(), first.public());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        assert!(matches!(SigningKey::from_pem(&"hello".into()), Err(KeyError::Unreadable)));
    }
}
