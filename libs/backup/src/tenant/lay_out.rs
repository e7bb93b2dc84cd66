//! Computes the account's final rows in temporary tables before any live row is deleted.

use ::db::OPERATOR;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use uuid::Uuid;

use super::{
    resources::{ACCOUNTS, BELONGING, MEMBERSHIPS, RECORDED, find},
    tables::Table,
};
use crate::Error;

/// Tables that others reference, so their rows are updated in place.
pub(super) const IN_PLACE: &[&str] = &[ACCOUNTS, MEMBERSHIPS];

pub(super) async fn run(
    conn: &mut PgConnection,
    statement: String,
    account: Uuid,
) -> Result<u64, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(statement)).bind(account).persistent(false);
    Ok(query.execute(conn).await?.rows_affected())
}

/// Adds records that need a new version although their own row is unchanged: parents of changed rows, and the
/// account, whose history gets one entry for the whole restore.
pub(super) async fn touch(now: &mut PgConnection, account: Uuid) -> Result<(), Error> {
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

/// Whether the rows are records with a version of their own; `import_rows` store those of other records.
fn is_versioned(table: &Table) -> bool {
    find(&table.name).is_some() && table.has("version")
}

/// Sets new versions: one above those in both databases and in the audit log, which also knows purged records.
pub(super) async fn version(now: &mut PgConnection, table: &Table, account: Uuid) -> Result<(), Error> {
    let name = &table.name;
    if !is_versioned(table) {
        return Ok(());
    }
    let known = find(name).map_or_else(String::new, |one| {
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

/// Name of the temporary table with the final rows of a table.
pub(super) fn laid_out(at: usize) -> String {
    format!("pg_temp.final_{at}")
}

/// Builds the final rows: unchanged rows as they are now, the others from the backup with new versions.
pub(super) async fn lay_out(
    now: &mut PgConnection,
    table: &Table,
    at: usize,
    account: Uuid,
) -> Result<(), Error> {
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

pub(super) async fn put_in(now: &mut PgConnection, table: &Table, at: usize) -> Result<(), Error> {
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
