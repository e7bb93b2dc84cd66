//! One account, brought back to what it was. Versions only grow, and its history says what was done.

use serde::Serialize;
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{
    access::Access,
    compare::{Change, compare},
    export::find,
    history,
    lay_out::{IN_PLACE, lay_out, put_in, run, touch, version},
    tables::{self, Table},
};
use crate::{Beside, Error, tables::reader};

/// What brings an account back, or has brought it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Which.
    pub account_id: Uuid,
    /// What is done to each table.
    pub changes: Vec<Change>,
    /// Who comes to reach more by it.
    pub access: Access,
    /// Rows that were written after it was agreed to: they stay as they are.
    pub left_alone: u64,
}

/// Who brings it back, and from what: for the account's history.
#[derive(Debug, Clone)]
pub struct Operator {
    /// As in the operators' log.
    pub name: String,
    /// The backup.
    pub backup: String,
}

/// Who an operator is in an account's history: no member of it.
pub const OPERATOR: Uuid = Uuid::nil();

/// History is never taken back: a restore is one more entry in it.
const KEPT: &[&str] = &["app.audit_log", "app.audit_chains"];
/// 40001, `serialization_failure`: the account has written at that moment.
const WRITTEN_MEANWHILE: &str = "40001";
const ATTEMPTS: usize = 5;

impl Beside {
    /// What bringing one account back to this backup would change. Nothing is written.
    pub async fn differences(&self, live: &PgConnectOptions, account: &str) -> Result<Applied, Error> {
        let (mut then, mut now) = self.both(live).await?;
        let (account_id, changes) = open(&mut then, &mut now, account).await?;
        let access = Access::of(&mut now, &changes).await?;
        now.execute("rollback").await?;
        then.close().await?;
        now.close().await?;
        Ok(Applied { account_id, changes, access, left_alone: 0 })
    }

    /// Brings one account of `live` back, in one transaction: what `agreed` says, and nothing that was written since. No
    /// other account's row is touched. Its sessions end; people log in again.
    pub async fn apply(
        &self,
        live: &PgConnectOptions,
        account: &str,
        agreed: &Applied,
        by: &Operator,
    ) -> Result<Applied, Error> {
        let mut last = Error::Ended;
        for _ in 0..ATTEMPTS {
            match Box::pin(self.try_to_apply(live, account, agreed, by)).await {
                Err(Error::Database(failed)) if code(&failed).as_deref() == Some(WRITTEN_MEANWHILE) => {
                    last = Error::Database(failed);
                }
                done => return done,
            }
        }
        Err(last)
    }

    async fn try_to_apply(
        &self,
        live: &PgConnectOptions,
        account: &str,
        agreed: &Applied,
        by: &Operator,
    ) -> Result<Applied, Error> {
        let (mut then, mut now) = self.both(live).await?;
        let (account, _) = open(&mut then, &mut now, account).await?;
        directory(&mut then, &mut now, account).await?;
        let left_alone = leave_alone(&mut now, agreed).await?;
        let tables = restored(&mut now).await?;
        touch(&mut now, account).await?;
        for (at, table) in tables.iter().enumerate() {
            version(&mut now, table, account).await?;
            lay_out(&mut now, table, at, account).await?;
        }
        for table in tables.iter().rev().filter(|table| !IN_PLACE.contains(&&*table.name)) {
            run(&mut now, format!("delete from {} where account_id = $1", table.name), account).await?;
        }
        for (at, table) in tables.iter().enumerate() {
            put_in(&mut now, table, at).await?;
        }
        history::note(&mut now, &tables, account, by).await?;
        let end = "update app.sessions set revoked_at = now(), revoked_for = 'ended' where account_id = $1 and revoked_at is null";
        run(&mut now, end.to_owned(), account).await?;
        now.execute("commit").await?;
        then.close().await?;
        now.close().await?;
        Ok(Applied { left_alone, ..agreed.clone() })
    }

    async fn both(&self, live: &PgConnectOptions) -> Result<(PgConnection, PgConnection), Error> {
        let then = PgConnection::connect_with(&reader(&self.options, "nexo-tenant then")).await?;
        Ok((then, PgConnection::connect_with(&reader(live, "nexo-tenant now")).await?))
    }
}

/// Begins both transactions, and compares. The tables are those of the live database.
async fn open(
    then: &mut PgConnection,
    now: &mut PgConnection,
    account: &str,
) -> Result<(Uuid, Vec<Change>), Error> {
    then.execute("begin isolation level repeatable read, read only").await?;
    now.execute("begin isolation level repeatable read").await?;
    let (of_backup, here) = (schema(then).await?, schema(now).await?);
    if of_backup != here {
        return Err(Error::OtherSchema { archive: of_backup, here });
    }
    let (account, ..) = find(then, account).await?;
    let tables = restored(now).await?;
    let changes = compare(then, now, &tables, account).await?;
    Ok((account, changes))
}

async fn schema(conn: &mut PgConnection) -> Result<String, Error> {
    let (version,): (Option<String>,) =
        sqlx::query_as("select max(version) filter (where success) from ops.migration_history")
            .fetch_one(conn)
            .await?;
    Ok(version.unwrap_or_default())
}

fn code(failed: &sqlx::Error) -> Option<String> {
    failed.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// An account that is gone altogether gets its place back.
async fn directory(then: &mut PgConnection, now: &mut PgConnection, account: Uuid) -> Result<(), Error> {
    let (line,): (String,) =
        sqlx::query_as("select row_to_json(d)::text from app.account_directory d where account_id = $1")
            .bind(account)
            .fetch_one(then)
            .await?;
    let insert = sqlx::query(
        "insert into app.account_directory select r.* from json_populate_record(null::app.account_directory, $1::json) r
         on conflict (account_id) do nothing",
    );
    insert.bind(line).execute(now).await?;
    Ok(())
}

async fn restored(conn: &mut PgConnection) -> Result<Vec<Table>, sqlx::Error> {
    let mut tables = tables::all(conn).await?;
    tables.retain(|table| !KEPT.contains(&&*table.name));
    Ok(tables)
}

/// Takes what was written since the card was shown out of the differences: it is in no backup, and nobody has agreed to
/// lose it.
async fn leave_alone(now: &mut PgConnection, agreed: &Applied) -> Result<u64, Error> {
    let rows: Vec<_> = agreed.changes.iter().flat_map(|change| &change.rows).collect();
    let (tables, keys): (Vec<_>, Vec<_>) = rows.iter().map(|one| (&*one.table_name, &*one.key)).unzip();
    let held: Vec<_> = rows.iter().map(|one| one.now.as_ref().map(sqlx::types::Json)).collect();
    let delete = sqlx::query(
        "delete from pg_temp.differences d where not exists (
             select from unnest($1::text[], $2::text[], $3::jsonb[]) as a (table_name, key, now)
             where a.table_name = d.table_name and a.key = d.key and a.now is not distinct from d.now)",
    );
    let done = delete.bind(tables).bind(keys).bind(held).persistent(false).execute(now).await?;
    Ok(done.rows_affected())
}
