use std::time::Duration;

use clap::Args;
use identity::SealingKey;
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    KeysContext, LEARNT_AFTER, Refusal, moment,
    store::{StoredKeys, add, alone},
};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Do not wait until every service knows the next key: its tokens may be rejected for some seconds.
    #[arg(long)]
    now: bool,
    /// Revoke every key and generate new ones under this `NEXO_SECRET`: for a lost or leaked secret. Every access token
    /// is rejected from then on.
    #[arg(long, conflicts_with = "now")]
    replace_all: bool,
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
    pub(super) async fn run(self, office: &mut KeysContext) -> anyhow::Result<()> {
        if office.mint.given()?.is_some() {
            return Err(Refusal::Given.into());
        }
        let (life, sealing) = (office.mint.forgets_after(), office.sealing()?);
        let mut tx = alone(&mut office.conn).await?;
        let rotated = if self.replace_all {
            renew(&mut tx, &sealing).await?
        } else {
            self.rotate(&mut tx, &sealing, life).await?
        };
        tx.commit().await?;
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
        Ok(Rotated {
            current: next.kid.clone(),
            next: fresh.public.kid,
            retired: Some(current.kid.clone()),
            tokens_until: retired.and_then(|key| key.tokens_until),
        })
    }
}

/// Replaces all keys by new ones.
async fn renew(conn: &mut PgConnection, sealing: &SealingKey) -> anyhow::Result<Rotated> {
    sqlx::query(END_ALL).execute(&mut *conn).await?;
    let (current, next) = (sealing.make()?, sealing.make()?);
    add(conn, &current, "current").await?;
    add(conn, &next, "next").await?;
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
