use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection as _, FromRow, PgConnection};
use uuid::Uuid;

use crate::{account_lookup::find_account, operator_log, output};

#[derive(Debug, Args)]
pub(super) struct SetPlan {
    /// Slug or id of the account.
    account: String,
    /// The new plan; without it, show the present plan.
    plan: Option<Name>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    Free,
    Starter,
    Pro,
    Enterprise,
}

/// Plan and limits of an account.
#[derive(Debug, Serialize, FromRow)]
struct Limits {
    slug: String,
    plan: String,
    reads_per_minute: i32,
    reads_burst: i32,
    writes_per_minute: i32,
    writes_burst: i32,
    at_once: i32,
}

const LIMITS: &str =
    "select d.slug, l.plan, l.reads_per_minute, l.reads_burst, l.writes_per_minute, l.writes_burst, l.at_once
     from app.account_directory d join app.plan_limits l on l.plan = d.plan where d.account_id = $1";

impl SetPlan {
    pub(super) async fn run(self, conn: &mut PgConnection, actor: &str) -> anyhow::Result<()> {
        let (id, _) = find_account(conn, &self.account).await?;
        if let Some(name) = self.plan.and_then(|name| name.to_possible_value()) {
            give(conn, id, name.get_name(), actor).await?;
        }
        let limits: Limits =
            sqlx::query_as(LIMITS).bind(id).fetch_one(conn).await.context("its plan has no limits")?;
        if self.json {
            return output::json(&limits);
        }
        let Limits { slug, plan, reads_per_minute, reads_burst, writes_per_minute, writes_burst, at_once } =
            limits;
        output::line(&format!("{slug} has the plan {plan}"));
        output::line(&format!("reads      {reads_per_minute} a minute, {reads_burst} at once after a pause"));
        output::line(&format!(
            "writes     {writes_per_minute} a minute, {writes_burst} at once after a pause"
        ));
        output::line(&format!("running    {at_once} at the same time, at each gateway"));
        if self.plan.is_some() {
            output::line("gateways take it over within 5 seconds");
        }
        Ok(())
    }
}

/// Needs no confirmation, since no data is lost. The operator log records the previous plan.
async fn give(conn: &mut PgConnection, account: Uuid, plan: &str, actor: &str) -> anyhow::Result<()> {
    let mut tx = conn.begin().await?;
    let (slug, was): (String, String) =
        sqlx::query_as("select slug, plan from app.account_directory where account_id = $1 for update")
            .bind(account)
            .fetch_one(&mut *tx)
            .await?;
    sqlx::query("update app.account_directory set plan = $2 where account_id = $1")
        .bind(account)
        .bind(plan)
        .execute(&mut *tx)
        .await?;
    let operation = format!("give {slug} the plan {plan}");
    let card = json!({ "operation": operation, "account_id": account, "was": was, "undo": format!("nexo account plan {slug} {was}") });
    operator_log::note(&mut tx, actor, &operation, card).await?;
    Ok(tx.commit().await?)
}
