use clap::Args;
use serde_json::json;

use super::{
    KeysContext, Refusal, moment,
    store::{StoredKeys, add, alone},
};
use crate::{operator_log, output};

#[derive(Debug, Args)]
pub(super) struct Retire {
    /// Id of the key, as shown by `nexo keys list`.
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

const RETIRE_KEY: &str = "update app.signing_keys
    set state = 'retired', retired_at = coalesce(retired_at, now()), sealed = null, ended_at = now() where kid = $1";

impl Retire {
    pub(super) async fn run(self, office: &mut KeysContext<'_>) -> anyhow::Result<()> {
        let sealing = office.sealing()?;
        let mut tx = alone(&mut office.conn).await?;
        let keys = StoredKeys::read(&mut tx, office.mint.forgets_after()).await?;
        let key = keys.all.iter().find(|key| key.kid == self.kid);
        let key = key.ok_or_else(|| Refusal::Unknown(self.kid.clone()))?;
        if key.state == "current" {
            return Err(Refusal::Signs(self.kid).into());
        }
        if let Some(ended) = key.ended_at {
            return self.show(office.json, None, &format!("had ended already, at {}", moment(ended)));
        }
        let fresh = if key.state == "next" {
            keys.one("current").ok_or(Refusal::NoKeys)?.opens_with(&sealing)?;
            Some(sealing.make()?)
        } else {
            None
        };
        sqlx::query(RETIRE_KEY).bind(&self.kid).execute(&mut *tx).await?;
        if let Some(fresh) = &fresh {
            add(&mut tx, fresh, "next").await?;
        }
        let operation = format!("retire the signing key {}", self.kid);
        let card = json!({ "operation": operation, "state": key.state });
        operator_log::note(&mut tx, &operator_log::actor(), &operation, card).await?;
        tx.commit().await?;
        let next = fresh.map(|fresh| fresh.public.kid);
        self.show(office.json, next.as_deref(), "has ended")
    }

    fn show(&self, as_json: bool, next: Option<&str>, outcome: &str) -> anyhow::Result<()> {
        if as_json {
            return output::json(&json!({ "ended": self.kid, "next": next }));
        }
        output::line(&format!("{} {outcome}", self.kid));
        if let Some(next) = next {
            output::line(&format!("next       {next}"));
        }
        output::line(
            "its tokens are refused by auth-service within 10 seconds, by the other services within 5 minutes;",
        );
        output::line("at once by those that are started again");
        Ok(())
    }
}
