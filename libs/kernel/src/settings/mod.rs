//! Settings from the environment: read once, all mistakes told at once, by variable.

mod known;
mod listen;

use std::{
    borrow::Cow, collections::BTreeMap, fmt, fs, net::SocketAddr, ops::RangeInclusive, path::PathBuf,
    str::FromStr, time::Duration,
};

use secrecy::SecretString;

pub use known::{KNOWN_SETTINGS, UnknownSetting};
pub use listen::{ListenAddress, ListenAddressError};

/// What the secrets say that come with the source (`docker/secrets.dev`), for trying NEXO on one's own machine.
const KNOWN: &str = "development-only";

/// The environment, while settings are read from it.
///
/// Every setting may also come from a file: `NAME_FILE` names it, as container secrets do.
#[derive(Default, Clone)]
pub struct Env {
    values: BTreeMap<String, String>,
    mistakes: Vec<SettingError>,
    makes_nothing: bool,
}

/// The names alone: some of the values are secrets.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct SettingError {
    /// The variable.
    pub name: Cow<'static, str>,
    /// What is wrong with it, never its value.
    pub problem: String,
}

/// All settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError(pub Vec<SettingError>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be used:")?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl Env {
    /// The process's own environment.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// These values and no others.
    pub fn of(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: values.into_iter().collect(), ..Self::default() }
    }

    /// The same environment, in which `name` has this value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// The same environment, for a command: it works with the state that is there, and makes neither folder nor secret where
    /// there is none.
    #[must_use]
    pub fn making_nothing(self) -> Self {
        Self { makes_nothing: true, ..self }
    }

    /// Whether the program may make a state folder, with a secret in it, where there is none.
    #[must_use]
    pub fn may_make(&self) -> bool {
        !self.makes_nothing
    }

    /// The state folder: `NEXO_STATE_DIR`, or `.nexo` where the program was started.
    pub fn state_folder(&mut self) -> PathBuf {
        PathBuf::from(self.or("NEXO_STATE_DIR", ".nexo"))
    }

    /// Where a program listens; unless it is said, at this port of the loopback address.
    pub fn listen(&mut self, name: &'static str, port: u16) -> SocketAddr {
        self.parsed(name, ListenAddress::loopback(port)).0
    }

    /// Variables that are named like settings of NEXO, and are none.
    #[must_use]
    pub fn unknown(&self) -> Vec<UnknownSetting> {
        known::unknown(self.values.keys())
    }

    /// Reports unknown settings. In development each is a mistake; in production, where it may belong to another program, it
    /// is returned, to be logged. The old name of a renamed setting is a mistake in both.
    pub fn judge_unknown(&mut self) -> Vec<UnknownSetting> {
        let is_production = self.production();
        let (logged, mistakes): (Vec<_>, Vec<_>) =
            self.unknown().into_iter().partition(|unknown| is_production && !unknown.is_renamed);
        for one in mistakes {
            let problem = one.problem();
            self.mistakes.push(SettingError { name: one.name.into(), problem });
        }
        logged
    }

    /// Whether `NEXO_ENV` says that real people depend on this.
    pub fn production(&mut self) -> bool {
        match self.or("NEXO_ENV", "development").as_str() {
            "production" => true,
            "development" => false,
            _ => {
                self.mistake("NEXO_ENV", "is neither development nor production");
                true
            }
        }
    }

    /// A text, or `default`.
    pub fn or(&mut self, name: &'static str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    /// A text that may be missing.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        let value = self.look_up(name).filter(|value| !value.is_empty())?;
        let in_production = self.values.get("NEXO_ENV").is_some_and(|env| env != "development");
        if in_production && value.contains(KNOWN) {
            self.mistake(
                name,
                "is a secret of development, which everybody knows (`make secrets` makes others)",
            );
        }
        Some(value)
    }

    /// A text that must be there.
    pub fn required(&mut self, name: &'static str, purpose: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.mistake(name, format!("is not set ({purpose})"));
            String::new()
        })
    }

    /// A secret that may be missing.
    pub fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.optional(name).map(SecretString::from)
    }

    /// A value of another type, or `default`.
    pub fn parsed<T: FromStr>(&mut self, name: &'static str, default: T) -> T
    where
        T::Err: fmt::Display,
    {
        match self.optional(name).map(|text| text.parse::<T>()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.mistake(name, error.to_string());
                default
            }
        }
    }

    /// A pause in whole seconds, or `default`, if it is one of these.
    pub fn seconds(&mut self, name: &'static str, default: u64, within: RangeInclusive<u64>) -> Duration {
        let seconds = self.parsed(name, default);
        if !within.contains(&seconds) {
            self.mistake(name, format!("is not from {} to {} seconds", within.start(), within.end()));
        }
        Duration::from_secs(seconds)
    }

    /// Notes that a setting cannot be used.
    pub fn mistake(&mut self, name: &'static str, problem: impl Into<String>) {
        self.mistakes.push(SettingError { name: name.into(), problem: problem.into() });
    }

    /// Takes over the mistakes of an environment that was made from this one.
    pub fn also(&mut self, other: Self) {
        let new =
            other.mistakes.into_iter().filter(|mistake| !self.mistakes.contains(mistake)).collect::<Vec<_>>();
        self.mistakes.extend(new);
    }

    /// The mistakes until now, for whoever must act on some settings before all are read.
    pub fn so_far(&self) -> Result<(), SettingsError> {
        self.clone().finish()
    }

    /// All mistakes, if there were any.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(SettingsError(self.mistakes)) }
    }

    fn look_up(&mut self, name: &'static str) -> Option<String> {
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let path = self.values.get(&format!("{name}_FILE"))?.clone();
        match fs::read_to_string(&path) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                self.mistake(name, format!("its file {path} cannot be read: {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::of(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
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
    fn an_unknown_setting_is_a_mistake_in_development_and_told_in_production() {
        let typo = ("NEXO_BACKUP_KEP", "last=1");
        let mut tried = env(&[typo]);
        assert_eq!(tried.judge_unknown(), []);
        let told = tried.finish().unwrap_err().to_string();
        assert!(
            told.contains("NEXO_BACKUP_KEP: is no setting of NEXO (did you mean NEXO_BACKUP_RETENTION?)"),
            "{told}"
        );
        let mut tried = env(&[typo, ("NEXO_ENV", "production")]);
        assert_eq!(tried.judge_unknown().len(), 1);
        tried.finish().unwrap();
        let mut renamed = env(&[("NEXO_STATE", "here"), ("NEXO_ENV", "production")]);
        assert_eq!(renamed.judge_unknown(), []);
        assert!(renamed.finish().unwrap_err().to_string().contains("NEXO_STATE_DIR"));
    }

    #[test]
    fn a_setting_may_come_from_a_file() {
        let file = std::env::temp_dir().join(format!("nexo-setting-{}", std::process::id()));
        fs::write(&file, "from the file\n").unwrap();
        let mut env = env(&[("NEXO_NAME_FILE", file.to_str().unwrap())]);
        assert_eq!(env.or("NEXO_NAME", ""), "from the file");
        fs::remove_file(file).unwrap();
    }
}
