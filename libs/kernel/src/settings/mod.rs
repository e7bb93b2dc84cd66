//! Settings from the environment: read once; all errors are reported together, by variable.

mod known;
mod listen;

use std::{
    borrow::Cow, collections::BTreeMap, fmt, fs, net::SocketAddr, ops::RangeInclusive, path::PathBuf,
    str::FromStr, time::Duration,
};

use secrecy::SecretString;

pub use known::{KNOWN_SETTINGS, UnknownSetting};
pub use listen::{ListenAddress, ListenAddressError};

/// Marker in the development secrets that come with the source (`docker/secrets.dev`), for trying NEXO locally.
const KNOWN: &str = "development-only";

/// The environment from which settings are read.
///
/// Every setting may also come from a file, named by `NAME_FILE`, as with container secrets.
#[derive(Default, Clone)]
pub struct Env {
    values: BTreeMap<String, String>,
    mistakes: Vec<SettingError>,
    makes_nothing: bool,
}

/// Shows names only: some of the values are secrets.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// An invalid or missing setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct SettingError {
    /// Name of the environment variable.
    pub name: Cow<'static, str>,
    /// Description of the problem; never contains the value.
    pub problem: String,
}

/// All invalid or missing settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(pub Vec<SettingError>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be used:")?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl Env {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        Self::from_values(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Creates an environment with these values only.
    pub fn from_values(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: values.into_iter().collect(), ..Self::default() }
    }

    /// Sets the variable `name` to this value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self.values.remove(&format!("{name}_FILE"));
        self
    }

    /// Restricts the environment for a command: it uses existing state, and creates neither folder nor secret.
    #[must_use]
    pub fn without_writing(self) -> Self {
        Self { makes_nothing: true, ..self }
    }

    /// Whether the program may create a state folder, including a secret.
    #[must_use]
    pub fn may_write(&self) -> bool {
        !self.makes_nothing
    }

    /// State folder: `NEXO_STATE_DIR`, or `.nexo` in the working directory.
    pub fn state_dir(&mut self) -> PathBuf {
        PathBuf::from(self.string_or("NEXO_STATE_DIR", ".nexo"))
    }

    /// Listen address of a program; by default this port on loopback.
    pub fn listen(&mut self, name: &'static str, port: u16) -> SocketAddr {
        self.parsed(name, ListenAddress::loopback(port)).0
    }

    /// Variables with the prefix of NEXO's settings that are unknown.
    #[must_use]
    pub fn unknown(&self) -> Vec<UnknownSetting> {
        known::unknown(self.values.keys())
    }

    /// Reports unknown settings. In development each is an error. In production, where a variable may belong to
    /// another program, they are returned for logging. The old name of a renamed setting is an error in both.
    pub fn reject_unknown(&mut self) -> Vec<UnknownSetting> {
        let is_production = self.production();
        let (logged, mistakes): (Vec<_>, Vec<_>) =
            self.unknown().into_iter().partition(|unknown| is_production && !unknown.is_renamed);
        for one in mistakes {
            let problem = one.problem();
            self.mistakes.push(SettingError { name: one.name.into(), problem });
        }
        logged
    }

    /// Whether `NEXO_ENV` is `production`.
    pub fn production(&mut self) -> bool {
        match self.string_or("NEXO_ENV", "development").as_str() {
            "production" => true,
            "development" => false,
            _ => {
                self.report("NEXO_ENV", "is neither development nor production");
                true
            }
        }
    }

    /// Reads a text, or uses `default`.
    pub fn string_or(&mut self, name: &'static str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    /// Reads an optional text; empty counts as missing.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        let value = self.look_up(name).filter(|value| !value.is_empty())?;
        let in_production = self.values.get("NEXO_ENV").is_some_and(|env| env != "development");
        if in_production && value.contains(KNOWN) {
            self.report(
                name,
                "is a secret of development, which everybody knows (`make secrets` makes others)",
            );
        }
        Some(value)
    }

    /// Reads a required text; reports an error if it is missing.
    pub fn required(&mut self, name: &'static str, purpose: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.report(name, format!("is not set ({purpose})"));
            String::new()
        })
    }

    /// Reads an optional secret.
    pub fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.optional(name).map(SecretString::from)
    }

    /// Parses a value of another type, or uses `default`.
    pub fn parsed<T: FromStr>(&mut self, name: &'static str, default: T) -> T
    where
        T::Err: fmt::Display,
    {
        match self.optional(name).map(|text| text.parse::<T>()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.report(name, error.to_string());
                default
            }
        }
    }

    /// Parses a duration in whole seconds, or uses `default`; it must be in this range.
    pub fn seconds(&mut self, name: &'static str, default: u64, within: RangeInclusive<u64>) -> Duration {
        let seconds = self.parsed(name, default);
        if !within.contains(&seconds) {
            self.report(name, format!("is not from {} to {} seconds", within.start(), within.end()));
        }
        Duration::from_secs(seconds)
    }

    /// Records that a setting is invalid.
    pub fn report(&mut self, name: &'static str, problem: impl Into<String>) {
        let mistake = SettingError { name: name.into(), problem: problem.into() };
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake); // a setting may be read twice
        }
    }

    /// Adds the errors of an environment that was cloned from this one.
    pub fn also(&mut self, other: Self) {
        let new =
            other.mistakes.into_iter().filter(|mistake| !self.mistakes.contains(mistake)).collect::<Vec<_>>();
        self.mistakes.extend(new);
    }

    /// Fails with the errors so far, for programs that must act on some settings before all are read.
    pub fn snapshot(&self) -> Result<(), SettingsError> {
        self.clone().finish()
    }

    /// Fails with all errors, if there are any.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(SettingsError(self.mistakes)) }
    }

    fn look_up(&mut self, name: &'static str) -> Option<String> {
        if let Some(value) = self.values.get(name).cloned() {
            if self.values.contains_key(&format!("{name}_FILE")) {
                self.report(name, format!("is set, and {name}_FILE too: set one of them"));
            }
            return Some(value);
        }
        let path = self.values.get(&format!("{name}_FILE"))?.clone();
        match fs::read_to_string(&path) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                self.report(name, format!("its file {path} cannot be read: {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_values(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let mut env = env(&[("NEXO_SIZE", "many"), ("NEXO_ENV", "prod")]);
        env.parsed::<u32>("NEXO_SIZE", 1);
        env.required("NEXO_KEY", "signs tokens");
        assert!(env.production(), "an unknown environment is treated as the careful one");
        let told = env.finish().unwrap_err().to_string();
        for name in ["NEXO_SIZE", "NEXO_KEY", "NEXO_ENV"] {
            assert!(told.contains(name), "{told}");
        }
    }

    #[test]
    fn a_setting_and_its_file_contradict_each_other() {
        let both = [("NEXO_KEY", "a"), ("NEXO_KEY_FILE", "/nonexistent")];
        let mut refused = env(&both);
        refused.optional("NEXO_KEY");
        assert!(refused.finish().unwrap_err().to_string().contains("NEXO_KEY_FILE too"));
        let mut replaced = env(&both).with("NEXO_KEY", "b");
        assert_eq!(replaced.optional("NEXO_KEY").as_deref(), Some("b"));
        replaced.finish().unwrap();
    }

    #[test]
    fn a_pause_is_within_its_bounds() {
        let mut env = env(&[("NEXO_OFTEN", "1"), ("NEXO_SELDOM", "301"), ("NEXO_NEVER", "0")]);
        assert_eq!(env.seconds("NEXO_OFTEN", 10, 1..=300), Duration::from_secs(1));
        assert_eq!(env.seconds("NEXO_UNSET", 10, 1..=300), Duration::from_secs(10));
        env.seconds("NEXO_SELDOM", 10, 1..=300);
        env.seconds("NEXO_NEVER", 10, 1..=300);
        let told = env.finish().unwrap_err().to_string();
        assert!(told.contains("NEXO_SELDOM: is not from 1 to 300") && told.contains("NEXO_NEVER"), "{told}");
    }

    #[test]
    fn a_secret_that_everybody_knows_is_refused_in_production() {
        let address = ("DATABASE_URL", "postgres://nexo_app:development-only-app@postgres/nexo");
        let mut tried = env(&[address]);
        assert!(tried.secret(address.0).is_some());
        tried.finish().unwrap();
        for serious in ["production", "prod"] {
            let mut tried = env(&[address, ("NEXO_ENV", serious)]);
            tried.secret(address.0);
            let told = tried.finish().unwrap_err().to_string();
            assert!(
                told.contains("DATABASE_URL: is a secret of development") && !told.contains("-app@"),
                "{told}"
            );
        }
    }

    #[test]
    fn an_unknown_setting_is_an_error_in_development_and_a_warning_in_production() {
        let typo = ("NEXO_BACKUP_RETENTON", "last=1");
        let mut tried = env(&[typo]);
        assert_eq!(tried.reject_unknown(), []);
        let told = tried.finish().unwrap_err().to_string();
        assert!(
            told.contains(
                "NEXO_BACKUP_RETENTON: is no setting of NEXO (did you mean NEXO_BACKUP_RETENTION?)"
            ),
            "{told}"
        );
        let mut tried = env(&[typo, ("NEXO_ENV", "production")]);
        assert_eq!(tried.reject_unknown().len(), 1);
        tried.finish().unwrap();
        let mut renamed = env(&[("NEXO_STATE", "here"), ("NEXO_ENV", "production")]);
        assert_eq!(renamed.reject_unknown(), []);
        assert!(renamed.finish().unwrap_err().to_string().contains("NEXO_STATE_DIR"));
    }

    #[test]
    fn a_setting_may_come_from_a_file() {
        let file = std::env::temp_dir().join(format!("nexo-setting-{}", std::process::id()));
        fs::write(&file, "from the file\n").unwrap();
        let mut env = env(&[("NEXO_NAME_FILE", file.to_str().unwrap())]);
        assert_eq!(env.string_or("NEXO_NAME", ""), "from the file");
        fs::remove_file(file).unwrap();
    }
}
