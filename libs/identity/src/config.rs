//! Settings for services that verify tokens, and for the service that issues them.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use hyper::Uri;
use kernel::{Clock, Env};
use secrecy::SecretString;

use crate::{Issuer, KeyError, PublicKeys, Secret, SigningKey, Verifier, remote::Remote};

/// Time for which a retired key is published beyond the life of its tokens: services sign with it until they have
/// fetched the keys again, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

/// Settings of token verification.
#[derive(Debug, Clone)]
pub struct Config {
    issuer: String,
    jwks: Uri,
    every: Duration,
}

impl Config {
    /// Reads `NEXO_ISSUER`, `NEXO_JWKS_URL` and `NEXO_JWKS_REFRESH_SECONDS`.
    pub fn read(env: &mut Env) -> Self {
        Self {
            issuer: env.string_or("NEXO_ISSUER", "nexo"),
            jwks: env
                .parsed("NEXO_JWKS_URL", Uri::from_static("http://127.0.0.1:3001/.well-known/jwks.json")),
            // `nexo keys rotate` relies on every service fetching the keys within five minutes.
            every: env.seconds("NEXO_JWKS_REFRESH_SECONDS", 300, 1..=300),
        }
    }

    /// Creates a verifier that fetches the issuer's keys when it meets an unknown one, and periodically, so that
    /// revoked keys vanish. Requires a Tokio runtime.
    #[must_use]
    pub fn verifier(&self, clock: Clock) -> Verifier {
        let keys = PublicKeys::default();
        let remote = Remote::new(self.jwks.clone(), keys.clone());
        remote.follow(self.every);
        Verifier::with_remote(remote, keys, &self.issuer, clock)
    }

    /// Creates a verifier whose keys are updated within this process.
    #[must_use]
    pub fn verifier_with(&self, keys: PublicKeys, clock: Clock) -> Verifier {
        Verifier::new(keys, &self.issuer, clock)
    }
}

/// Settings of token issuance.
#[derive(Debug)]
pub struct IssuerConfig {
    name: String,
    life: Duration,
    key: Option<SecretString>,
}

impl IssuerConfig {
    /// Reads `NEXO_SIGNING_KEY` and `NEXO_ACCESS_TOKEN_TTL_SECONDS`.
    pub fn read(env: &mut Env) -> Self {
        Self {
            name: env.string_or("NEXO_ISSUER", "nexo"),
            life: env.seconds("NEXO_ACCESS_TOKEN_TTL_SECONDS", 600, 1..=3600),
            key: env.secret("NEXO_SIGNING_KEY"),
        }
    }

    /// Parses `NEXO_SIGNING_KEY`, which replaces the signing keys in the database.
    pub fn given(&self) -> Result<Option<SigningKey>, KeyError> {
        self.key.as_ref().map(SigningKey::from_pem).transpose()
    }

    /// Time after which no token of a retired key can be valid.
    #[must_use]
    pub fn forgets_after(&self) -> Duration {
        self.life + MARGIN
    }

    /// Creates an issuer that signs with `key`.
    #[must_use]
    pub fn issuer(&self, key: SigningKey, clock: Clock) -> Issuer {
        Issuer::new(key, self.name.clone(), self.life, clock)
    }
}

impl Secret {
    /// Reads `NEXO_SECRET`. Required in production; otherwise generated on the first start and stored under
    /// `NEXO_STATE_DIR`. A command generates none: nothing else could verify what it signed.
    pub fn read(env: &mut Env) -> Self {
        const NAME: &str = "NEXO_SECRET";
        if let Some(text) = env.secret(NAME) {
            return Self::new(text).unwrap_or_else(|| {
                env.report(NAME, "is shorter than 32 characters");
                Self::generate()
            });
        }
        if env.production() {
            env.report(NAME, "is not set (make one: openssl rand -base64 32)");
            return Self::generate();
        }
        let state = env.state_dir();
        let file = state.join("keys/secret");
        if !file.exists() && !env.may_write() {
            env.report(
                NAME,
                format!(
                    "is not set, and {} is not there: give the one that the services have, or name their state folder with NEXO_STATE_DIR",
                    file.display()
                ),
            );
            return Self::generate();
        }
        Self::kept_in(&state, &file).unwrap_or_else(|error| {
            env.report(NAME, format!("cannot be kept in {}: {error}", file.display()));
            Self::generate()
        })
    }

    fn kept_in(state: &Path, file: &Path) -> std::io::Result<Self> {
        if !file.exists() {
            kernel::claim_state(state).map_err(std::io::Error::other)?;
            let made = Self::generate();
            write_once(file, secrecy::ExposeSecret::expose_secret(made.text()))?;
        }
        let text = fs::read_to_string(file)?;
        Self::new(text.into()).ok_or_else(|| std::io::Error::other("it is shorter than 32 characters"))
    }
}

/// Writes a secret atomically and only once: a concurrent writer or a crash cannot leave another or a partial one.
fn write_once(file: &Path, text: &str) -> std::io::Result<()> {
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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys/secret");
        let kept = || Secret::kept_in(folder.path(), &file).unwrap();
        let first = kept();
        assert_eq!(kept().text().expose_secret(), first.text().expose_secret());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_command_makes_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let setting = ("NEXO_STATE_DIR".to_owned(), state.to_string_lossy().into_owned());
        let mut env = Env::from_values([setting.clone()]).without_writing();
        Secret::read(&mut env);
        let told = env.finish().unwrap_err().to_string();
        assert!(told.contains("NEXO_SECRET: is not set") && !state.exists(), "{told}");
        let mut env = Env::from_values([setting]);
        Secret::read(&mut env);
        env.finish().unwrap();
        assert!(state.join("keys/secret").exists());
    }
}
