use std::{path::PathBuf, process::Command, str::FromStr as _};

use ::db::{Change, OPERATOR, keep_as_operator};
use anyhow::Context as _;
use clap::Args;
use pg_server::Binaries;
use serde_json::json;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use super::{Context, Target, role::Role};
use crate::{account_lookup::find_account, exit_code, operator_log, output};

#[derive(Debug, Args)]
pub(in crate::db) struct Psql {
    /// Role to connect as; `nexo_migrator` unless --account is given.
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// Restrict the session to this account (slug or id), as `nexo_app`: row security applies, and a security event
    /// records it.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Reason, which is recorded.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Arguments for psql, such as `-c "select 1"`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Environment variables of the terminal that are passed on to psql.
const OF_THE_TERMINAL: &[&str] = &[
    "COLUMNS",
    "EDITOR",
    "LANG",
    "LC_ALL",
    "LESS",
    "PAGER",
    "PSQLRC",
    "PSQL_EDITOR",
    "PSQL_HISTORY",
    "PSQL_PAGER",
    "TERM",
    "VISUAL",
];

impl Psql {
    /// Runs psql and returns its exit code.
    pub(in crate::db) async fn run(self, context: &mut Context) -> anyhow::Result<u8> {
        let role = self.role.unwrap_or(if self.account.is_some() { Role::App } else { Role::Migrator });
        anyhow::ensure!(
            self.account.is_none() || role.is_confined(),
            "row security does not hold for {}: inside an account one is nexo_app, or nexo_auth",
            role.name()
        );
        let target = context.target().await?;
        let done = self.open(context, &target, role).await;
        target.leave().await?;
        done
    }

    async fn open(self, context: &Context, target: &Target, role: Role) -> anyhow::Result<u8> {
        let address = target.address(&context.env, role)?;
        let options = PgConnectOptions::from_str(&address)
            .with_context(|| format!("{} is no address", role.setting()))?;
        let mut psql = ::backup::client(program(context), "nexo db psql", &options);
        psql.envs(OF_THE_TERMINAL.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        if let Some(inside) = self.note(target, role).await? {
            psql.env("PGOPTIONS", inside);
        }
        psql.args(&self.arguments);
        wait(psql).await
    }

    /// Records the session before it starts; returns the settings that confine it to the account.
    async fn note(&self, target: &Target, role: Role) -> anyhow::Result<Option<String>> {
        let conn = PgConnection::connect_with(&target.migrator).await;
        let mut conn = conn.context("the database cannot be reached")?;
        let actor = operator_log::actor();
        let Some(named) = &self.account else {
            let operation = format!("open psql as {}", role.name());
            let card = json!({ "operation": operation, "reason": self.reason });
            if let Err(error) = operator_log::note(&mut conn, &actor, &operation, card).await {
                // A failure to record must not prevent an operator from repairing a broken database.
                tracing::warn!(error = &error as &dyn std::error::Error, "not noted in ops.operator_log");
            }
            conn.close().await?;
            return Ok(None);
        };
        let (id, slug) = find_account(&mut conn, named).await?;
        let mut tx = conn.begin().await?;
        let operation = format!("open psql as {} in {slug}", role.name());
        let card = json!({ "operation": operation, "account_id": id, "reason": self.reason });
        operator_log::note(&mut tx, &actor, &operation, card).await?;
        let told = json!({ "by": "operator", "role": role.name(), "reason": self.reason });
        let opened =
            Change::new("auth.account.opened_by_operator", "account", id, "opened_by_operator").with(told);
        keep_as_operator(&mut tx, id.into(), &[opened]).await?;
        tx.commit().await?;
        conn.close().await?;
        output::note(&format!(
            "inside {slug} as {}; what is written here by hand has no history",
            role.name()
        ));
        let request = Uuid::now_v7();
        Ok(Some(format!(
            "-c app.current_account_id={id} -c app.current_user_id={OPERATOR} -c app.current_request_id={request}"
        )))
    }
}

/// The psql of the server's programs; otherwise the one on the PATH.
fn program(context: &Context) -> PathBuf {
    let wanted = context.env.clone().optional("NEXO_POSTGRES_BIN").map(PathBuf::from);
    let beside = Binaries::find(wanted.as_deref()).map(|binaries| binaries.program("psql"));
    beside.ok().filter(|psql| psql.exists()).unwrap_or_else(|| PathBuf::from("psql"))
}

/// Ctrl-C is left to psql, which cancels the running statement.
async fn wait(mut psql: Command) -> anyhow::Result<u8> {
    let _ours = signal(SignalKind::interrupt())?;
    let mut child = psql.spawn().context("psql cannot be started: apt-get install postgresql-client")?;
    let status = tokio::task::spawn_blocking(move || child.wait()).await??;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit_code::FAILED))
}
