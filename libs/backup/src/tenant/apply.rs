//! One account, brought back to what it was. Versions only grow, and its history says what was done.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{
    access::Access,
    compare::{Change, compare},
    export::find,
    history,
    resources::{ACCOUNTS, BELONGING, MEMBERSHIPS, RECORDED, of},
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
/// Rows that others point to, from tables that stay as they are: they are changed in place.
const IN_PLACE: &[&str] = &[ACCOUNTS, MEMBERSHIPS];
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

pub(super) async fn run(
    conn: &mut PgConnection,
    statement: String,
    account: Uuid,
) -> Result<u64, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(statement)).bind(account).persistent(false);
    Ok(query.execute(conn).await?.rows_affected())
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

/// Adds the records whose own rows stay, and which get another version all the same: those that changed rows belong to, and
/// the account, whose history has one entry for the whole.
async fn touch(now: &mut PgConnection, account: Uuid) -> Result<(), Error> {
    let insert = "insert into pg_temp.differences (table_name, key, kind, now, was)";
    for (table, column, parent) in BELONGING {
        for one in RECORDED.iter().filter(|one| parent.is_none_or(|parent| parent == one.table)) {
            let typed = match parent {
                Some(_) => String::new(),
                None => format!(" and coalesce(d.was, d.now) ->> 'subject_type' = '{}'", one.resource),
            };
            let statement = format!(
                "{insert} select distinct '{parent}', p.{id}::text, 'changed', '{{}}'::jsonb, '{{}}'::jsonb
                 from pg_temp.differences d join {parent} p on p.account_id = $1 and p.{id}::text = coalesce(d.was, d.now) ->> '{column}'
                 where d.table_name = '{table}'{typed} on conflict do nothing",
                parent = one.table,
                id = one.id,
            );
            run(now, statement, account).await?;
        }
    }
    let whole = format!(
        "{insert} select '{ACCOUNTS}', $1::text, 'changed', '{{}}', '{{}}' where exists (select from pg_temp.differences)
         on conflict do nothing"
    );
    run(now, whole, account).await?;
    Ok(())
}

/// Whether the rows are records with versions of their own: `import_rows` keep those of others.
fn is_versioned(table: &Table) -> bool {
    of(&table.name).is_some() && table.has("version")
}

/// One more than either database has, and than the history knows: a record that was purged has gone on as well.
async fn version(now: &mut PgConnection, table: &Table, account: Uuid) -> Result<(), Error> {
    let name = &table.name;
    if !is_versioned(table) {
        return Ok(());
    }
    let known = of(name).map_or_else(String::new, |one| {
        format!(
            " union all select l.record_id::text, l.version from app.audit_log l where l.account_id = $1 and l.resource = '{}'",
            one.resource
        )
    });
    let statement = format!(
        "with known as (
             select {now_key} as key, n.version from {name} n where n.account_id = $1
             union all select {then_key}, t.version
             from pg_temp.then_rows s, json_populate_record(null::{name}, s.line::json) t where s.table_name = '{name}'{known}
         ), latest as (select key, max(version) as version from known group by key)
         update pg_temp.differences d set version = latest.version + 1
         from latest where d.table_name = '{name}' and d.key = latest.key",
        now_key = table.key_text("n"),
        then_key = table.key_text("t"),
    );
    run(now, statement, account).await?;
    Ok(())
}

/// Where the rows of a table are put together before any is deleted.
pub(super) fn laid_out(at: usize) -> String {
    format!("pg_temp.final_{at}")
}

/// Rows that did not change stay as they are now; the others are those of the backup, with their new versions.
async fn lay_out(now: &mut PgConnection, table: &Table, at: usize, account: Uuid) -> Result<(), Error> {
    let (name, columns, whole) = (&table.name, table.column_list(), laid_out(at));
    let of = |row: &str| {
        table.columns.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ")
    };
    let members = name == MEMBERSHIPS;
    let goes = if members { "d.kind <> 'removed'" } else { "true" };
    now.execute(AssertSqlSafe(format!(
        "create temporary table final_{at} on commit drop as select * from {name} where false"
    )))
    .await?;
    let statement = format!(
        "insert into {whole} ({columns})
         select {now_values} from {name} n left join pg_temp.differences d
             on d.table_name = '{name}' and d.key = {now_key} and d.now is distinct from d.was and {goes}
         where n.account_id = $1 and d.key is null
         union all
         select {then_values} from pg_temp.then_rows s, json_populate_record(null::{name}, s.line::json) t
         join pg_temp.differences d on d.table_name = '{name}' and d.key = {then_key}
             and d.kind in ('added', 'changed') and d.now is distinct from d.was
         where s.table_name = '{name}' and $1::uuid is not null",
        now_values = of("n"),
        then_values = of("t"),
        now_key = table.key_text("n"),
        then_key = table.key_text("t"),
    );
    run(now, statement, account).await?;
    let mut sets = vec!["version = d.version".to_owned()];
    sets.extend(table.has("updated_at").then(|| "updated_at = now()".to_owned()));
    sets.extend(table.has("updated_by").then(|| format!("updated_by = '{OPERATOR}'")));
    sets.extend(
        members.then(|| "status = case when d.kind = 'removed' then 'removed' else f.status end".to_owned()),
    );
    if is_versioned(table) {
        let update = format!(
            "update {whole} f set {} from pg_temp.differences d
             where d.table_name = '{name}' and d.key = {} and d.version is not null and f.account_id = $1",
            sets.join(", "),
            table.key_text("f"),
        );
        run(now, update, account).await?;
    }
    Ok(())
}

async fn put_in(now: &mut PgConnection, table: &Table, at: usize) -> Result<(), Error> {
    let (name, columns, whole) = (&table.name, table.column_list(), laid_out(at));
    let mut statement = format!("insert into {name} ({columns}) select {columns} from {whole}");
    if IN_PLACE.contains(&&**name) {
        let set: Vec<_> =
            table.columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        statement =
            format!("{statement} on conflict ({}) do update set {}", table.key.join(", "), set.join(", "));
    }
    now.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}
