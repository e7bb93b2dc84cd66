use clap::Args;
use serde_json::json;

use super::{
    Office, Refusal,
    kept::{Keys, add, alone},
    moment,
};
use crate::say;

#[derive(Debug, Args)]
pub(super) struct Retire {
    /// The key's name, as `nexo keys list` shows it.
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

const END: &str = "update app.signing_keys
    set state = 'retired', retired_at = coalesce(retired_at, now()), sealed = null, ended_at = now() where kid = $1";

impl Retire {
    pub(super) async fn run(self, office: &mut Office) -> anyhow::Result<()> {
        let sealing = office.sealing()?;
        let mut tx = alone(&mut office.conn).await?;
        let keys = Keys::read(&mut tx, office.mint.forgets_after()).await?;
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
        sqlx::query(END).bind(&self.kid).execute(&mut *tx).await?;
        if let Some(fresh) = &fresh {
            add(&mut tx, fresh, "next").await?;
        }
        tx.commit().await?;
        let next = fresh.map(|fresh| fresh.public.kid);
        self.show(office.json, next.as_deref(), "has ended")
    }

    fn show(&self, as_json: bool, next: Option<&str>, outcome: &str) -> anyhow::Result<()> {
        if as_json {
            return say::json(&json!({ "ended": self.kid, "next": next }));
        }
        say::line(&format!("{} {outcome}", self.kid));
        if let Some(next) = next {
            say::line(&format!("next       {next}"));
        }
        say::line(
            "its tokens are refused by auth-service within 10 seconds, by the other services within 5 minutes;",
        );
        say::line("at once by those that are started again");
        Ok(())
    }
}
