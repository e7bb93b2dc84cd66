//! Settings of whoever verifies tokens, and of the one service that issues them.

use std::{path::PathBuf, time::Duration};

use hyper::Uri;
use kernel::{Clock, Env};
use secrecy::SecretString;

use crate::{
    Issuer, Jwks, KeyError, PublicKeys, Secret, SigningKey, Verifier, keys::write_once, remote::Remote,
};

/// How tokens are verified.
#[derive(Debug, Clone)]
pub struct Config {
    issuer: String,
    jwks: Uri,
}

impl Config {
    /// Reads `NEXO_ISSUER` and `NEXO_JWKS_URL`.
    pub fn read(env: &mut Env) -> Self {
        Self {
            issuer: env.or("NEXO_ISSUER", "nexo"),
            jwks: env
                .parsed("NEXO_JWKS_URL", Uri::from_static("http://127.0.0.1:3001/.well-known/jwks.json")),
        }
    }

    /// A verifier that fetches the issuer's keys when it meets one that it does not know.
    #[must_use]
    pub fn verifier(&self, clock: Clock) -> Verifier {
        Verifier::asking(Remote::new(self.jwks.clone()), &self.issuer, clock)
    }

    /// A verifier for the tokens of `issuer`, which runs in this process.
    #[must_use]
    pub fn verifier_of(&self, issuer: &Issuer, clock: Clock) -> Verifier {
        let keys = PublicKeys::default();
        keys.replace(&Jwks { keys: vec![issuer.key().public().clone()] });
        Verifier::new(keys, &self.issuer, clock)
    }
}

/// How tokens are issued.
#[derive(Debug)]
pub struct Mint {
    name: String,
    life: Duration,
    key: Option<SecretString>,
    state: PathBuf,
}

impl Mint {
    /// Reads `NEXO_SIGNING_KEY` (required in production), `NEXO_ACCESS_TOKEN_SECONDS` and `NEXO_STATE`.
    pub fn read(env: &mut Env) -> Self {
        let key = env.secret("NEXO_SIGNING_KEY");
        if env.production() && key.is_none() {
            env.mistake(
                "NEXO_SIGNING_KEY",
                "is not set (an Ed25519 key in PEM; make one: openssl genpkey -algorithm ed25519)",
            );
        }
        Self {
            name: env.or("NEXO_ISSUER", "nexo"),
            life: Duration::from_secs(env.parsed("NEXO_ACCESS_TOKEN_SECONDS", 600)),
            key,
            state: PathBuf::from(env.or("NEXO_STATE", ".nexo")),
        }
    }

    /// The issuer; in development its key is made on the first start, and kept.
    pub fn issuer(&self, clock: Clock) -> Result<Issuer, KeyError> {
        let key = match &self.key {
            Some(pem) => SigningKey::from_pem(pem)?,
            None => SigningKey::kept_in(&self.state.join("keys/signing.pem"))?,
        };
        Ok(Issuer::new(key, self.name.clone(), self.life, clock))
    }
}

impl Secret {
    /// Reads `NEXO_SECRET`: required in production, made on the first start and kept under `NEXO_STATE` otherwise.
    pub fn read(env: &mut Env) -> Self {
        const NAME: &str = "NEXO_SECRET";
        if let Some(text) = env.secret(NAME) {
            return Self::new(text).unwrap_or_else(|| {
                env.mistake(NAME, "is shorter than 32 characters");
                Self::generate()
            });
        }
        if env.production() {
            env.mistake(NAME, "is not set (make one: openssl rand -base64 32)");
            return Self::generate();
        }
        let file = PathBuf::from(env.or("NEXO_STATE", ".nexo")).join("keys/secret");
        Self::kept_in(&file).unwrap_or_else(|error| {
            env.mistake(NAME, format!("cannot be kept in {}: {error}", file.display()));
            Self::generate()
        })
    }

    fn kept_in(file: &std::path::Path) -> std::io::Result<Self> {
        if !file.exists() {
            let made = Self::generate();
            write_once(file, secrecy::ExposeSecret::expose_secret(made.text()))?;
        }
        let text = std::fs::read_to_string(file)?;
        Self::new(text.into()).ok_or_else(|| std::io::Error::other("it is shorter than 32 characters"))
    }
}
