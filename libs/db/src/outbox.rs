//! The outbox for the relay: finds accounts with events, and claims the events of some accounts until they are
//! published.
//!
//! Events of one record are published in version order. A claim holds an advisory lock on its account until it
//! ends. Thus no other relay takes a later version while an earlier one is unpublished; row locks with `skip
//! locked` would not ensure that. A claim with some version of a record also has all earlier ones: ids come from
//! several machines, and follow the clock only approximately.
//!
//! Statements use the simple protocol, and locks are transaction-level. Thus the relay also works behind a pooler
//! in transaction mode, which keeps neither prepared statements nor session locks.

use std::fmt::Write as _;

use kernel::{AccountId, Env, UserId};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, postgres::PgConnectOptions,
};
use uuid::Uuid;

use crate::{Result, config::address};

/// Source of events for the relay. Holds one connection, opened on demand and again after every failure.
pub struct Outbox {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
}

/// Omits the address, which holds a password.
impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("connected", &self.conn.is_some()).finish_non_exhaustive()
    }
}

/// An event in the outbox that is not yet published.
#[derive(Debug, Clone, FromRow)]
pub struct PendingEvent {
    /// Account that the event belongs to.
    pub account_id: AccountId,
    /// Identifier of the event itself.
    pub id: Uuid,
    /// Topic of the event, such as `crm.client.created`.
    pub topic: String,
    /// Resource type of the changed record.
    pub resource: String,
    /// Identifier of the changed record.
    pub record_id: Uuid,
    /// Version of the record after the change.
    pub version: i64,
    /// State of the record after the change.
    #[sqlx(json)]
    pub payload: Value,
    /// Request that made the change.
    pub request_id: Uuid,
    /// Time of the change, in RFC 3339 format.
    pub time: String,
    /// User who made the change.
    pub created_by: UserId,
    /// `traceparent` of the change (W3C Trace Context); `None` without tracing.
    pub traceparent: Option<String>,
}

/// Claimed events of accounts that no other relay can claim meanwhile. Dropping it without
/// [`finish`](Self::finish) keeps all of them in the outbox.
#[must_use = "a claim that is not finished removes nothing"]
pub struct Claim<'o> {
    outbox: &'o mut Outbox,
    conn: PgConnection,
    /// Claimed events; those of each record are in version order.
    pub events: Vec<PendingEvent>,
    /// Number of requested accounts that another relay has locked.
    pub missed: usize,
}

impl Outbox {
    /// Reads `RELAY_DATABASE_URL`; `None` if it is not set.
    pub fn read(env: &mut Env) -> Option<Self> {
        address(env, "RELAY_DATABASE_URL")
            .map(|options| Self { options: options.application_name("nexo relay"), conn: None })
    }

    /// Returns up to `most` accounts after `after` that have events.
    pub async fn due(&mut self, after: AccountId, most: i32) -> Result<Vec<AccountId>> {
        let mut conn = self.conn().await?;
        let question = format!("select account_id from app.accounts_with_events('{after}', {most})");
        let due = sqlx::raw_sql(AssertSqlSafe(question)).fetch_all(&mut conn).await?;
        let due: Vec<(AccountId,)> = due.iter().map(FromRow::from_row).collect::<Result<_, sqlx::Error>>()?;
        self.conn = Some(conn);
        Ok(due.into_iter().map(|(account,)| account).collect())
    }

    /// Claims the oldest events, about `most` per account, of the accounts that no other relay has locked.
    pub async fn claim(&mut self, accounts: &[AccountId], most: usize) -> Result<Claim<'_>> {
        let mut conn = self.conn().await?;
        let held = sqlx::raw_sql(AssertSqlSafe(hold(accounts))).fetch_all(&mut conn).await?;
        let held: Vec<(AccountId,)> =
            held.iter().map(FromRow::from_row).collect::<Result<_, sqlx::Error>>()?;
        let mut events = Vec::new();
        if !held.is_empty() {
            let text = held.iter().map(|(account,)| oldest(*account, most)).collect::<String>();
            for row in sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&mut conn).await? {
                events.push(PendingEvent::from_row(&row)?);
            }
        }
        let missed = accounts.len() - held.len();
        Ok(Claim { outbox: self, conn, events, missed })
    }

    /// Creates a monitor of the backlog.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        Backlog { options: self.options.clone(), conn: None }
    }

    /// Takes the connection out while it is in use: after an aborted operation it is closed, which releases its
    /// locks.
    async fn conn(&mut self) -> Result<PgConnection> {
        match self.conn.take() {
            Some(conn) => Ok(conn),
            None => Ok(PgConnection::connect_with(&self.options).await?),
        }
    }
}

/// Size and age of the outbox backlog.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct BacklogSize {
    /// Number of waiting events, counted up to 10000.
    pub waiting: i32,
    /// Age of the oldest event in seconds; 0 if there is none.
    pub seconds: f64,
}

/// Monitors the outbox over a connection of its own.
pub struct Backlog {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
}

impl Backlog {
    /// Queries the current size of the backlog.
    pub async fn look(&mut self) -> Result<BacklogSize> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => PgConnection::connect_with(&self.options).await?,
        };
        let question = sqlx::raw_sql("select waiting, seconds from app.outbox_backlog()");
        let found = BacklogSize::from_row(&question.fetch_one(&mut conn).await?)?;
        self.conn = Some(conn);
        Ok(found)
    }
}

impl Claim<'_> {
    /// Deletes the published events and releases the locks on the accounts.
    pub async fn finish(mut self, out: &[(AccountId, Uuid)]) -> Result<()> {
        self.conn.execute(AssertSqlSafe(removal(out))).await?;
        self.outbox.conn = Some(self.conn);
        Ok(())
    }
}

// Several statements share one message, which takes no parameters: everything interpolated is an id.

/// Forces index plans: the statistics of a queue table are usually outdated.
fn hold(accounts: &[AccountId]) -> String {
    let accounts = list(accounts.iter());
    format!(
        "begin; set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
         select account as account_id from unnest('{{{accounts}}}'::uuid[]) as account
         where pg_try_advisory_xact_lock(hashtextextended('app.outbox ' || account, 0))"
    )
}

/// Query for the oldest events. The final limit cuts off the highest versions, so a record's earlier versions are
/// never skipped.
fn oldest(account: AccountId, most: usize) -> String {
    format!(
        "set local app.current_account_id = '{account}';
         select o.account_id, o.id, o.topic, o.resource, o.record_id, o.version, o.payload, o.request_id, o.created_by, o.traceparent,
                to_char(o.created_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as time
         from (select f.record_id, max(f.version) as version
               from (select record_id, version from app.outbox where account_id = '{account}' order by id limit {most}) f
               group by f.record_id) head
         join app.outbox o on o.account_id = '{account}' and o.record_id = head.record_id and o.version <= head.version
         order by o.version, o.id limit {};",
        4 * most
    )
}

fn removal(out: &[(AccountId, Uuid)]) -> String {
    let mut text = String::new();
    for of_one in out.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((account, _)) = of_one.first() else { continue };
        let ids = list(of_one.iter().map(|(_, id)| id));
        let _ = write!(
            text,
            "set local app.current_account_id = '{account}';
             delete from app.outbox where account_id = '{account}' and id = any('{{{ids}}}'::uuid[]);"
        );
    }
    text + "commit"
}

fn list(ids: impl Iterator<Item = impl ToString>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}
