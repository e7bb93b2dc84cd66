use clap::Args;
use sqlx::{Connection as _, PgConnection};

use crate::{
    account_lookup::find_account,
    confirm::{Risk, RiskSummary},
    db::Target,
    output,
};

#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// Slug or id of the account.
    account: String,
    /// Name of the database: confirms without a prompt.
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
}

impl Rebuild {
    pub(super) async fn run(self, conn: &mut PgConnection, target: &Target) -> anyhow::Result<bool> {
        let (id, slug) = find_account(conn, &self.account).await?;
        let card = RiskSummary {
            operation: format!("make one new chain of the history of {slug} as it is now"),
            risk: Risk::High.because(
                "what was changed, removed or put in until now can no longer be told from what was written",
            ),
            at_risk: vec!["no row; the proof that the history up to now is as it was written".to_owned()],
            backup: "none is taken: take one first with `nexo db backup` to keep that proof".to_owned(),
            recovery: "-".to_owned(),
            undo: "it cannot be undone but by restoring a backup".to_owned(),
        };
        let work = async {
            let mut tx = conn.begin().await?;
            // Prevents concurrent additions to the chain that is being replaced.
            sqlx::query("set local lock_timeout = '5s'").execute(&mut *tx).await?;
            sqlx::query("lock table app.audit_chains in exclusive mode").execute(&mut *tx).await?;
            sqlx::query("call ops.chain_anew($1)").bind(id).execute(&mut *tx).await?;
            Ok(tx.commit().await?)
        };
        card.confirm(&target.asked(self.confirm.as_deref()), work).await?;
        output::line(&format!(
            "the history of {slug} is one chain; keep what `nexo audit verify {slug} --json` says"
        ));
        Ok(true)
    }
}
