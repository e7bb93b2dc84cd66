//! The outbox as the relay has it: which accounts have events, and the events of a few of them, held until they are out.
//!
//! Events of one record leave in the order of its versions. Whoever claims an account holds a lock on it until the claim
//! ends, so that no other relay takes a later version while an earlier one is on its way; row locks that are skipped would
//! not do. And a claim that has a version of a record has every earlier one too: identities are made by several machines,
//! and only nearly follow the clock.
//!
//! Statements are sent by the simple protocol, and locks are those of a transaction: so a relay works behind a pooler in
//! transaction mode too, which keeps neither prepared statements nor locks of a session.

use std::fmt::Write as _;

use kernel::{AccountId, Env, UserId};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, postgres::PgConnectOptions,
};
use uuid::Uuid;

use crate::{Result, config::address};

/// Where the relay finds events. It has one connection, opened when it is needed and after every failure.
pub struct Outbox {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
}

/// Without the address: it holds a password.
impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("connected", &self.conn.is_some()).finish_non_exhaustive()
    }
}

/// An event that waits to be told.
#[derive(Debug, Clone, FromRow)]
pub struct Pending {
    /// Whose.
    pub account_id: AccountId,
    /// The event's own identity.
    pub id: Uuid,
    /// What happened to what, such as `crm.client.created`.
    pub topic: String,
    /// What sort of thing it happened to.
    pub resource: String,
    /// Which one.
    pub record_id: Uuid,
    /// Its version afterwards.
    pub version: i64,
    /// What it became.
    #[sqlx(json)]
    pub payload: Value,
    /// In which request.
    pub request_id: Uuid,
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// By whom.
    pub created_by: UserId,
    /// In which part of which trace, after W3C Trace Context; none, where none are made.
    pub traceparent: Option<String>,
}

/// Events of accounts that nobody else can claim meanwhile. Dropped without [`finish`](Self::finish), all of them stay.
#[must_use = "a claim that is not finished removes nothing"]
pub struct Claim<'o> {
    outbox: &'o mut Outbox,
    conn: PgConnection,
    /// In the order in which those of each record happened.
    pub events: Vec<Pending>,
    /// How many of the accounts somebody else holds.
    pub missed: usize,
}

impl Outbox {
    /// Reads `RELAY_DATABASE_URL`.
    pub fn read(env: &mut Env) -> Option<Self> {
        address(env, "RELAY_DATABASE_URL")
            .map(|options| Self { options: options.application_name("nexo relay"), conn: None })
    }

    /// The first accounts after `after` that have events.
    pub async fn due(&mut self, after: AccountId, most: i32) -> Result<Vec<AccountId>> {
        let mut conn = self.conn().await?;
        let question = format!("select account_id from app.accounts_with_events('{after}', {most})");
        let due = sqlx::raw_sql(AssertSqlSafe(question)).fetch_all(&mut conn).await?;
        let due: Vec<(AccountId,)> = due.iter().map(FromRow::from_row).collect::<Result<_, sqlx::Error>>()?;
        self.conn = Some(conn);
        Ok(due.into_iter().map(|(account,)| account).collect())
    }

    /// The oldest events of each of these accounts that nobody else holds: about `most` of each.
    pub async fn claim(&mut self, accounts: &[AccountId], most: usize) -> Result<Claim<'_>> {
        let mut conn = self.conn().await?;
        let held = sqlx::raw_sql(AssertSqlSafe(hold(accounts))).fetch_all(&mut conn).await?;
        let held: Vec<(AccountId,)> =
            held.iter().map(FromRow::from_row).collect::<Result<_, sqlx::Error>>()?;
        let mut events = Vec::new();
        if !held.is_empty() {
            let text = held.iter().map(|(account,)| oldest(*account, most)).collect::<String>();
            for row in sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&mut conn).await? {
                events.push(Pending::from_row(&row)?);
            }
        }
        let missed = accounts.len() - held.len();
        Ok(Claim { outbox: self, conn, events, missed })
    }

    /// How much waits there, for whoever watches.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        Backlog { options: self.options.clone(), conn: None }
    }

    /// Taken away while it is used: one that was left in the middle of something is closed, and what it held is free.
    async fn conn(&mut self) -> Result<PgConnection> {
        match self.conn.take() {
            Some(conn) => Ok(conn),
            None => Ok(PgConnection::connect_with(&self.options).await?),
        }
    }
}

/// How much waits in the outbox.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Waiting {
    /// So many events, up to 10000.
    pub waiting: i32,
    /// The oldest for so long; 0: there is none.
    pub seconds: f64,
}

/// Looks at the outbox from outside, over a connection of its own.
pub struct Backlog {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
}

impl Backlog {
    /// How much waits now.
    pub async fn look(&mut self) -> Result<Waiting> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => PgConnection::connect_with(&self.options).await?,
        };
        let question = sqlx::raw_sql("select waiting, seconds from app.outbox_backlog()");
        let found = Waiting::from_row(&question.fetch_one(&mut conn).await?)?;
        self.conn = Some(conn);
        Ok(found)
    }
}

impl Claim<'_> {
    /// Removes those of the events that are out, and lets go of the accounts.
    pub async fn finish(mut self, out: &[(AccountId, Uuid)]) -> Result<()> {
        self.conn.execute(AssertSqlSafe(removal(out))).await?;
        self.outbox.conn = Some(self.conn);
        Ok(())
    }
}

// Several statements travel in one message, which takes no parameters: all that is put into them are identities.

/// Statistics of a queue say what it was at some time; the planner shall take the indexes whatever they say.
fn hold(accounts: &[AccountId]) -> String {
    let accounts = list(accounts.iter());
    format!(
        "begin; set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
         select account as account_id from unnest('{{{accounts}}}'::uuid[]) as account
         where pg_try_advisory_xact_lock(hashtextextended('app.outbox ' || account, 0))"
    )
}

/// The limit at the end cuts the last versions off, and never one before another of its record.
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
