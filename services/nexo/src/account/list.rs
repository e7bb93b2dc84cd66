use clap::Args;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::output;

#[derive(Debug, Args)]
pub(super) struct List {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// An account, as shown to an operator.
#[derive(Debug, Serialize, FromRow)]
struct Account {
    slug: String,
    id: Uuid,
    /// `None` if the opening of the account was never completed.
    name: Option<String>,
    plan: String,
    status: String,
    /// Number of active members.
    members: i64,
    #[serde(with = "time::serde::rfc3339")]
    opened_at: OffsetDateTime,
}

const LIST: &str = "select d.slug, d.account_id as id, a.name, d.plan, d.status, d.created_at as opened_at,
        (select count(*) from app.memberships m where m.account_id = d.account_id and m.status = 'active') as members
    from app.account_directory d left join app.accounts a on a.account_id = d.account_id order by d.slug";

impl List {
    pub(super) async fn run(self, conn: &mut PgConnection) -> anyhow::Result<()> {
        let accounts: Vec<Account> = sqlx::query_as(LIST).fetch_all(conn).await?;
        if self.json {
            return output::json(&accounts);
        }
        if accounts.is_empty() {
            output::line("there is no account");
            return Ok(());
        }
        output::line(&format!(
            "{:<32} {:<10} {:<10} {:>7}  {:<10}  name",
            "slug", "plan", "status", "members", "opened"
        ));
        for Account { slug, name, plan, status, members, opened_at, .. } in &accounts {
            let (opened, name) = (opened_at.date(), name.as_deref().unwrap_or("-"));
            output::line(&format!("{slug:<32} {plan:<10} {status:<10} {members:>7}  {opened}  {name}"));
        }
        Ok(())
    }
}
