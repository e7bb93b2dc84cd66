//! Registry of all settings whose name begins with `NEXO_`, for every program and compose file of NEXO.
//!
//! Any other `NEXO_` variable is unknown: a mistyped name would otherwise be ignored silently. `docs/settings.md`
//! documents each setting, and a test compares both with the source.

/// Prefix of all settings of NEXO.
const PREFIX: &str = "NEXO_";
/// Suffix of a setting that names a file with the value.
const FILE: &str = "_FILE";

/// Names of all settings, sorted.
pub const KNOWN_SETTINGS: &[&str] = &[
    "NEXO_ACCESS_TOKEN_TTL_SECONDS",
    "NEXO_ALLOW_VULNERABLE_POSTGRES",
    "NEXO_AMQP_PORT",
    "NEXO_AUTH_LISTEN",
    "NEXO_AUTH_PORT",
    "NEXO_AUTH_URL",
    "NEXO_BACKUP_IDENTITY",
    "NEXO_BACKUP_MIN_FREE_MB",
    "NEXO_BACKUP_RECIPIENTS",
    "NEXO_BACKUP_RETENTION",
    "NEXO_BACKUP_STORES",
    "NEXO_BODY_LIMIT_BYTES",
    "NEXO_BODY_READ_TIMEOUT_SECONDS",
    "NEXO_CIRCUIT_BREAKER_FAILURES",
    "NEXO_CIRCUIT_BREAKER_OPEN_SECONDS",
    "NEXO_COMPLETE",
    "NEXO_CORS_ORIGINS",
    "NEXO_CRM_CPUS",
    "NEXO_CRM_LISTEN",
    "NEXO_CRM_PORT",
    "NEXO_CRM_URL",
    "NEXO_DATABASE_CONNECTIONS",
    "NEXO_DATABASE_CONNECT_TIMEOUT_SECONDS",
    "NEXO_DEV_MAIL",
    "NEXO_DRAIN_NOTICE_SECONDS",
    "NEXO_DRAIN_SECONDS",
    "NEXO_ENV",
    "NEXO_FRONTEND_URL",
    "NEXO_GATEWAY_LISTEN",
    "NEXO_GRAFANA_PORT",
    "NEXO_HASHING_NICE",
    "NEXO_HASHING_QUEUE",
    "NEXO_HASHING_THREADS",
    "NEXO_HSTS",
    "NEXO_ISSUER",
    "NEXO_JOB_LEASE_SECONDS",
    "NEXO_JOB_WORKERS",
    "NEXO_JWKS_REFRESH_SECONDS",
    "NEXO_JWKS_URL",
    "NEXO_KEEPALIVE_SECONDS",
    "NEXO_LOG",
    "NEXO_LOGINS_BURST",
    "NEXO_LOGINS_PER_MINUTE",
    "NEXO_LOG_FORMAT",
    "NEXO_MAIL_FROM",
    "NEXO_MAX_CONNECTIONS",
    "NEXO_METRICS_LISTEN",
    "NEXO_MIGRATE_ON_BOOT",
    "NEXO_MIGRATE_WITHOUT_BACKUP",
    "NEXO_OIDC_ALLOW_PRIVATE",
    "NEXO_OIDC_REDIRECT_URL",
    "NEXO_PORT",
    "NEXO_PORTS",
    "NEXO_POSTGRES_BIN",
    "NEXO_POSTGRES_CPUS",
    "NEXO_POSTGRES_MEMORY",
    "NEXO_POSTGRES_PORT",
    "NEXO_PROFILE",
    "NEXO_RABBITMQ_PORT",
    "NEXO_REDIS_PORT",
    "NEXO_REQUEST_TIMEOUT_SECONDS",
    "NEXO_RESPONSE_TIMEOUT_SECONDS",
    "NEXO_REVISION",
    "NEXO_REVOCATION_GRACE_SECONDS",
    "NEXO_SCHEDULE_BACKUP",
    "NEXO_SCHEDULE_DRILL",
    "NEXO_SCHEDULE_PRUNE",
    "NEXO_SECRET",
    "NEXO_SECRETS",
    "NEXO_SHARED_EMAILS_PER_HOUR",
    "NEXO_SIGNING_KEY",
    "NEXO_SIGNING_KEYS_REFRESH_SECONDS",
    "NEXO_SIGNUPS_PER_HOUR",
    "NEXO_SMTP_URL",
    "NEXO_STATE_DIR",
    "NEXO_TRUSTED_PROXIES",
    "NEXO_UPSTREAM_TIMEOUT_SECONDS",
    "NEXO_VERSION",
];

/// Settings renamed in 0.2: old and new name, sorted by the old one.
///
/// An old name prevents the start in every environment, because its value would otherwise be ignored silently.
const RENAMED_SETTINGS: &[(&str, &str)] = &[
    ("NEXO_ACCEPT_SERVER", "NEXO_ALLOW_VULNERABLE_POSTGRES"),
    ("NEXO_ACCESS_TOKEN_SECONDS", "NEXO_ACCESS_TOKEN_TTL_SECONDS"),
    ("NEXO_ANSWER_SECONDS", "NEXO_RESPONSE_TIMEOUT_SECONDS"),
    ("NEXO_AUTH_DATABASE_URL", "AUTH_DATABASE_URL"),
    ("NEXO_BACKUP_KEEP", "NEXO_BACKUP_RETENTION"),
    ("NEXO_BODY_PAUSE_SECONDS", "NEXO_BODY_READ_TIMEOUT_SECONDS"),
    ("NEXO_CONNECTIONS", "NEXO_MAX_CONNECTIONS"),
    ("NEXO_DATABASE_WAIT_SECONDS", "NEXO_DATABASE_CONNECT_TIMEOUT_SECONDS"),
    ("NEXO_IDLE_SECONDS", "NEXO_KEEPALIVE_SECONDS"),
    ("NEXO_JWKS_SECONDS", "NEXO_JWKS_REFRESH_SECONDS"),
    ("NEXO_PAGES_URL", "NEXO_FRONTEND_URL"),
    ("NEXO_REQUEST_SECONDS", "NEXO_REQUEST_TIMEOUT_SECONDS"),
    ("NEXO_SIGNING_KEYS_SECONDS", "NEXO_SIGNING_KEYS_REFRESH_SECONDS"),
    ("NEXO_STATE", "NEXO_STATE_DIR"),
    ("NEXO_UPSTREAM_FAILURES", "NEXO_CIRCUIT_BREAKER_FAILURES"),
    ("NEXO_UPSTREAM_REST_SECONDS", "NEXO_CIRCUIT_BREAKER_OPEN_SECONDS"),
    ("NEXO_UPSTREAM_SECONDS", "NEXO_UPSTREAM_TIMEOUT_SECONDS"),
];

/// A variable with the prefix of NEXO's settings that is not one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSetting {
    /// Name of the unknown variable.
    pub name: String,
    /// Most similar setting; `None` if no name is similar enough.
    pub nearest: Option<String>,
    /// Whether [`nearest`](Self::nearest) is the new name of a renamed setting.
    pub is_renamed: bool,
}

impl UnknownSetting {
    /// Description of the problem for the operator.
    #[must_use]
    pub fn problem(&self) -> String {
        match &self.nearest {
            Some(new) if self.is_renamed => format!("is called {new} since 0.2 (docs/upgrade-0.2.md)"),
            Some(nearest) => format!("is no setting of NEXO (did you mean {nearest}?)"),
            None => "is no setting of NEXO (docs/settings.md has them all)".to_owned(),
        }
    }
}

/// Unknown settings among these names, in their order.
pub(super) fn unknown<'n>(names: impl Iterator<Item = &'n String>) -> Vec<UnknownSetting> {
    let ours = names.filter(|name| name.starts_with(PREFIX) && !is_known(name));
    let unknown = |name: &String| match renamed(name) {
        Some(new) => UnknownSetting { name: name.clone(), nearest: Some(new), is_renamed: true },
        None => UnknownSetting { name: name.clone(), nearest: nearest(name), is_renamed: false },
    };
    ours.map(unknown).collect()
}

/// New name of a renamed setting, with the suffix of the old one.
fn renamed(name: &str) -> Option<String> {
    let (stem, suffix) = name.strip_suffix(FILE).map_or((name, ""), |stem| (stem, FILE));
    let (_, new) = RENAMED_SETTINGS.iter().find(|(old, _)| *old == stem)?;
    Some(format!("{new}{suffix}"))
}

fn is_known(name: &str) -> bool {
    let known = |name: &str| KNOWN_SETTINGS.binary_search(&name).is_ok();
    known(name) || name.strip_suffix(FILE).is_some_and(known)
}

/// Most similar setting. At most a third of the characters may differ: beyond that a suggestion would be a guess.
fn nearest(name: &str) -> Option<String> {
    let (stem, suffix) = name.strip_suffix(FILE).map_or((name, ""), |stem| (stem, FILE));
    let distance = |known: &&str| strsim::damerau_levenshtein(stem, known);
    let near = KNOWN_SETTINGS.iter().copied().min_by_key(distance)?;
    let bound = (stem.len() - PREFIX.len()).div_ceil(3).max(2);
    (distance(&near) <= bound).then(|| format!("{near}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_stand_once() {
        assert!(KNOWN_SETTINGS.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_mistyped_setting_is_reported_with_the_similar_known_one() {
        let names = [
            "NEXO_BACKUP_RETENTON",
            "NEXO_LOGIN_PER_MINUTE",
            "NEXO_SECERT_FILE",
            "NEXO_WHATEVER_ELSE",
            "HOME",
        ];
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let told = unknown(names.iter());
        let nearest: Vec<_> = told.iter().map(|unknown| unknown.nearest.as_deref()).collect();
        let meant =
            [Some("NEXO_BACKUP_RETENTION"), Some("NEXO_LOGINS_PER_MINUTE"), Some("NEXO_SECRET_FILE"), None];
        assert_eq!(nearest, meant);
    }

    #[test]
    fn an_old_name_leads_to_the_new_one() {
        let names = ["NEXO_STATE_FILE".to_owned(), "NEXO_AUTH_DATABASE_URL".to_owned()];
        let told = unknown(names.iter());
        assert!(told.iter().all(|unknown| unknown.is_renamed), "{told:?}");
        assert_eq!(told[0].nearest.as_deref(), Some("NEXO_STATE_DIR_FILE"));
        assert_eq!(told[1].problem(), "is called AUTH_DATABASE_URL since 0.2 (docs/upgrade-0.2.md)");
        assert!(
            RENAMED_SETTINGS
                .iter()
                .all(|(old, new)| !is_known(old) && (is_known(new) || !new.starts_with(PREFIX)))
        );
    }

    #[test]
    fn a_setting_from_a_file_is_known() {
        let names = ["NEXO_SECRET_FILE".to_owned(), "NEXO_SMTP_URL".to_owned()];
        assert_eq!(unknown(names.iter()), []);
    }
}
