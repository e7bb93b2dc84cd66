//! Structured logs, in text or JSON.

use std::io::IsTerminal as _;

use kernel::Env;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human-readable lines of text.
    Text,
    /// JSON Lines: one object per line.
    Json,
}

/// Starts logging to standard error, configured by `NEXO_LOG` (such as `info,crm_service=debug`) and
/// `NEXO_LOG_FORMAT`. Every program calls it first: from here on an unknown NEXO setting is an error, or in
/// production a warning.
pub fn start_telemetry(env: &mut Env) {
    start(env, USUAL);
}

/// [`start_telemetry`] for an operator's command, whose statements may take long.
pub fn start_command_telemetry(env: &mut Env) {
    start(env, OF_COMMANDS);
}

/// `grant` notices what is granted already, at each start.
const USUAL: &str = "info,sqlx::postgres::notice=warn";
const OF_COMMANDS: &str = "info,sqlx::postgres::notice=warn,sqlx::query=error";

fn start(env: &mut Env, filter: &str) {
    let usual = if env.production() { "json" } else { "text" };
    let format = match env.string_or("NEXO_LOG_FORMAT", usual).as_str() {
        "json" => LogFormat::Json,
        "text" => LogFormat::Text,
        _ => {
            env.report("NEXO_LOG_FORMAT", "is neither json nor text");
            LogFormat::Text
        }
    };
    let filter = EnvFilter::try_new(env.string_or("NEXO_LOG", filter)).unwrap_or_else(|error| {
        env.report("NEXO_LOG", error.to_string());
        EnvFilter::new(filter)
    });
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process (tests) keeps the first.
    let started = match format {
        LogFormat::Json => registry.with(lines.json().with_span_list(false)).try_init(),
        LogFormat::Text => registry.with(lines).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
    for unknown in env.reject_unknown() {
        tracing::warn!(setting = unknown.name, "{}", unknown.problem());
    }
}
