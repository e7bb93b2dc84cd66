//! Restore of one account. Versions only increase, and the account's history records the restore.

use serde::Serialize;
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{
    access::RestoredAccess,
    compare::{Change, compare},
    export::find,
    history::{self, Operator},
    lay_out::{IN_PLACE, lay_out, put_in, run, touch, version},
    tables::{self, Table},
};
use crate::{Error, ShadowDatabase, tables::reader};

/// Changes of an account's restore, planned or applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantRestore {
    /// Identifier of the account.
    pub account_id: Uuid,
    /// Changes of each table.
    pub changes: Vec<Change>,
    /// Access rights that the restore brings back.
    pub access: RestoredAccess,
    /// Number of rows written after the confirmation; they are left unchanged.
    pub left_alone: u64,
}

/// Tables that are never restored: history is append-only, and a restore adds entries.
const KEPT: &[&str] = &["app.audit_log", "app.audit_chains"];
/// 40001, `serialization_failure`: the account was written concurrently.
const WRITTEN_MEANWHILE: &str = "40001";
const ATTEMPTS: usize = 5;

impl ShadowDatabase {
    /// Computes what a restore of one account to this backup would change, without writing.
    pub async fn differences(&self, live: &PgConnectOptions, account: &str) -> Result<TenantRestore, Error> {
        let (mut then, mut now) = self.both(live).await?;
        let (account_id, changes) = open(&mut then, &mut now, account).await?;
        let access = RestoredAccess::from_changes(&mut now, &changes).await?;
        now.execute("rollback").await?;
        then.close().await?;
        now.close().await?;
        Ok(TenantRestore { account_id, changes, access, left_alone: 0 })
    }

    /// Restores one account of `live` in one transaction: only the changes in `agreed`, and no row that was
    /// written since. Rows of other accounts are untouched. The account's sessions are revoked; people log in
    /// again.
    pub async fn apply(
        &self,
        live: &PgConnectOptions,
        account: &str,
        agreed: &TenantRestore,
        by: &Operator,
    ) -> Result<TenantRestore, Error> {
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
        agreed: &TenantRestore,
        by: &Operator,
    ) -> Result<TenantRestore, Error> {
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
        Ok(TenantRestore { left_alone, ..agreed.clone() })
    }

    async fn both(&self, live: &PgConnectOptions) -> Result<(PgConnection, PgConnection), Error> {
        let then = PgConnection::connect_with(&reader(&self.options, "nexo-tenant then")).await?;
        Ok((then, PgConnection::connect_with(&reader(live, "nexo-tenant now")).await?))
    }
}

/// Begins both transactions and compares the account. The tables are those of the live database.
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

/// Restores the directory entry of an account that was deleted.
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

/// Excludes rows written since the preview from the differences: no backup has them, and the operator has not
/// agreed to lose them.
async fn leave_alone(now: &mut PgConnection, agreed: &TenantRestore) -> Result<u64, Error> {
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
