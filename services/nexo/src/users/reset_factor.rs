use ::db::{Change, keep_as_operator};
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::{operator_log, output};

#[derive(Debug, Args)]
pub(super) struct ResetFactor {
    /// E-mail address of the user.
    email: String,
    /// Reason, recorded and shown to the owners of the user's accounts.
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Result of removing a second factor.
#[derive(Debug, Serialize)]
struct ResetReport {
    user_id: Uuid,
    /// Number of revoked sessions.
    sessions: u64,
    /// Number of accounts with a security event on it.
    accounts: usize,
    /// Whether auth-service will send an e-mail to the user.
    letter: bool,
}

const FIND: &str = "select id from app.users where email_norm = app.normalize_email($1) and kind = 'person'";
const LOCK: &str =
    "select true from app.user_factors where user_id = $1 and confirmed_at is not null for update";
const DROP_CODES: &str = "delete from app.recovery_codes where user_id = $1";
const DROP_FACTOR: &str = "delete from app.user_factors where user_id = $1";
/// API keys stay valid, since they never required a second factor.
const END_SESSIONS: &str = "update app.sessions set revoked_at = now(), revoked_for = 'ended'
    where user_id = $1 and kind = 'login' and revoked_at is null";
const END_OUTSIDE: &str = "delete from app.person_sessions where user_id = $1";
const ACCOUNTS: &str = "select account_id from app.memberships where user_id = $1 order by account_id";

impl ResetFactor {
    pub(super) async fn run(self, conn: &mut PgConnection, actor: &str) -> anyhow::Result<()> {
        let mut tx = conn.begin().await?;
        let done = self.reset(&mut tx, actor).await?;
        tx.commit().await?;
        if self.json {
            return output::json(&done);
        }
        let ResetReport { sessions, accounts, letter, .. } = done;
        let plural = if accounts == 1 { "account" } else { "accounts" };
        output::line(&format!("{} logs in with their password alone from now on", self.email));
        output::line(&format!("sessions   {sessions} ended"));
        output::line(&format!(
            "noted      in ops.operator_log, and in the security events of {accounts} {plural}"
        ));
        output::line(if letter {
            "e-mail     auth-service sends it"
        } else {
            "e-mail     none, because they are a member of no account: tell them yourself"
        });
        Ok(())
    }

    async fn reset(&self, conn: &mut PgConnection, actor: &str) -> anyhow::Result<ResetReport> {
        let person: Option<(Uuid,)> =
            sqlx::query_as(FIND).bind(self.email.trim()).fetch_optional(&mut *conn).await?;
        let (user_id,) =
            person.with_context(|| format!("there is no user with the e-mail {}", self.email))?;
        let factor: Option<(bool,)> = sqlx::query_as(LOCK).bind(user_id).fetch_optional(&mut *conn).await?;
        anyhow::ensure!(
            factor.is_some(),
            "{} has no second factor: nothing was to be taken away",
            self.email
        );
        for statement in [DROP_CODES, DROP_FACTOR, END_OUTSIDE] {
            sqlx::query(statement).bind(user_id).execute(&mut *conn).await?;
        }
        let sessions = sqlx::query(END_SESSIONS).bind(user_id).execute(&mut *conn).await?.rows_affected();
        let accounts: Vec<(Uuid,)> = sqlx::query_as(ACCOUNTS).bind(user_id).fetch_all(&mut *conn).await?;
        for (at, (account,)) in accounts.iter().enumerate() {
            // Only one of the accounts' events triggers the e-mail.
            let told = json!({ "by": "operator", "reason": self.reason, "letter": at == 0 });
            let change = Change::new("auth.factor.reset", "factor", user_id, "reset").with(told);
            keep_as_operator(conn, (*account).into(), &[change]).await?;
        }
        // E-mail addresses must not be logged.
        let operation = format!("take away the second factor of {user_id}");
        let card = json!({ "operation": operation, "user_id": user_id, "reason": self.reason, "sessions": sessions });
        operator_log::note(conn, actor, &operation, card).await?;
        Ok(ResetReport { user_id, sessions, accounts: accounts.len(), letter: !accounts.is_empty() })
    }
}
