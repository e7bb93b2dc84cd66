use std::time::Duration;

use clap::Args;
use identity::SealingKey;
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    KeysContext, LEARNT_AFTER, Refusal, moment,
    store::{StoredKeys, add, alone},
};
use crate::{
    confirm::{Risk, RiskSummary},
    operator_log, output,
};

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Do not wait until every service knows the next key: its tokens may be rejected for some seconds.
    #[arg(long)]
    now: bool,
    /// Revoke every key and generate new ones under this `NEXO_SECRET`: for a lost or leaked secret. Every access token
    /// is rejected from then on.
    #[arg(long, conflicts_with = "now")]
    replace_all: bool,
    /// Name of the database: confirms --replace-all without a prompt.
    #[arg(long, value_name = "DATABASE", requires = "replace_all")]
    confirm: Option<String>,
}

/// Keys after a rotation, by state.
#[derive(Debug, Serialize)]
struct Rotated {
    current: String,
    next: String,
    retired: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    tokens_until: Option<OffsetDateTime>,
}

const RETIRE: &str = "update app.signing_keys set state = 'retired', retired_at = now(), sealed = null where state = 'current'";
const PROMOTE: &str =
    "update app.signing_keys set state = 'current', activated_at = now() where state = 'next'";
const END_ALL: &str = "update app.signing_keys
    set state = 'retired', retired_at = coalesce(retired_at, now()), sealed = null, ended_at = now() where ended_at is null";

impl Rotate {
    pub(super) async fn run(self, office: &mut KeysContext<'_>) -> anyhow::Result<()> {
        if office.given()?.is_some() {
            return Err(Refusal::Given.into());
        }
        let (life, sealing) = (office.mint.forgets_after(), office.sealing()?);
        let rotated = if self.replace_all {
            let asked = office.target.asked(self.confirm.as_deref());
            renewal().confirm(&asked, renew(&mut office.conn, &sealing)).await?
        } else {
            self.rotate(&mut office.conn, &sealing, life).await?
        };
        if office.json {
            return output::json(&rotated);
        }
        rotated.show();
        Ok(())
    }

    async fn rotate(
        &self,
        conn: &mut PgConnection,
        sealing: &SealingKey,
        life: Duration,
    ) -> anyhow::Result<Rotated> {
        let mut tx = alone(conn).await?;
        let conn = &mut *tx;
        let before = StoredKeys::read(conn, life).await?;
        let current = before.one("current").ok_or(Refusal::NoKeys)?;
        let next = before.one("next").ok_or(Refusal::NoKeys)?;
        next.opens_with(sealing)?;
        let wait = i64::try_from(LEARNT_AFTER.as_secs())? - next.age_seconds;
        if wait > 0 {
            if !self.now {
                let (age, wanted) = (next.age_seconds, LEARNT_AFTER.as_secs());
                return Err(Refusal::Young { age, wanted, wait }.into());
            }
            output::note(
                "a service that does not know the key yet may refuse its tokens for up to 20 seconds",
            );
        }
        sqlx::query(RETIRE).execute(&mut *conn).await?;
        sqlx::query(PROMOTE).execute(&mut *conn).await?;
        let fresh = sealing.make()?;
        add(conn, &fresh, "next").await?;
        let after = StoredKeys::read(conn, life).await?;
        let retired = after.all.iter().find(|key| key.kid == current.kid);
        let operation = "rotate the signing keys";
        let card = json!({ "operation": operation, "retired": current.kid, "now": self.now });
        operator_log::note(conn, &operator_log::actor(), operation, card).await?;
        tx.commit().await?;
        Ok(Rotated {
            current: next.kid.clone(),
            next: fresh.public.kid,
            retired: Some(current.kid.clone()),
            tokens_until: retired.and_then(|key| key.tokens_until),
        })
    }
}

fn renewal() -> RiskSummary {
    RiskSummary {
        operation: "end every signing key, and make new ones".to_owned(),
        risk: Risk::Medium.because("every access token is refused from then on"),
        at_risk: vec!["no row".to_owned()],
        backup: "none is needed".to_owned(),
        recovery: "start every service again; clients then renew their tokens, or people log in".to_owned(),
        undo: "it cannot be undone".to_owned(),
    }
}

/// Replaces all keys by new ones.
async fn renew(conn: &mut PgConnection, sealing: &SealingKey) -> anyhow::Result<Rotated> {
    let mut tx = alone(conn).await?;
    sqlx::query(END_ALL).execute(&mut *tx).await?;
    let (current, next) = (sealing.make()?, sealing.make()?);
    add(&mut tx, &current, "current").await?;
    add(&mut tx, &next, "next").await?;
    tx.commit().await?;
    Ok(Rotated { current: current.public.kid, next: next.public.kid, retired: None, tokens_until: None })
}

impl Rotated {
    fn show(&self) {
        output::line(&format!("signs now  {}", self.current));
        output::line(&format!("next       {}", self.next));
        let (Some(retired), Some(until)) = (&self.retired, self.tokens_until) else {
            output::line("every other key has ended");
            output::line("start every service again, with the NEXO_SECRET that this command had");
            return;
        };
        output::line(&format!("retired    {retired}: its tokens stay good until {}", moment(until)));
        output::line(
            "every auth-service signs with the new key within 10 seconds; none has to be started again",
        );
    }
}
