//! Concurrent index builds. A failed `create index concurrently` leaves an INVALID index, which slows down writes,
//! serves no reads, and satisfies `if not exists` (PostgreSQL documentation, CREATE INDEX, "Building Indexes
//! Concurrently").

use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::{event::Event, planned::PlannedScript, runner::Runner};
use crate::{Error, file::NewIndex, session::send};

#[derive(FromRow)]
struct IndexInfo {
    name: String,
    valid: bool,
    busy: bool,
}

/// Runs statement `at`, which builds `wanted`; afterwards the index is valid or absent.
pub(crate) async fn build(
    runner: &mut Runner<'_>,
    job: PlannedScript<'_>,
    at: usize,
    wanted: &NewIndex,
    was_cut: bool,
) -> Result<(), Error> {
    match find(&mut runner.conn, wanted).await? {
        Some(found) if found.busy => return Err(Error::BeingBuilt(found.name)),
        Some(found) if !found.valid => drop_invalid(runner, &found.name).await?,
        Some(_) if was_cut => return Ok(()), // it was completed, and the process killed before recording it
        _ => {}
    }
    // It waits for older transactions, and blocks no one meanwhile.
    let wait = job.script.directives.lock_timeout.unwrap_or(runner.settings.lock_wait);
    send(&mut runner.conn, &format!("set lock_timeout = {}", wait.as_millis())).await?;
    let built = runner.send_watched(job.script, at).await;
    let left = match &built {
        Err(failed) if failed.is_cut() => return built,
        _ => find(&mut runner.conn, wanted).await?.filter(|found| !found.valid),
    };
    let Some(left) = left else { return built };
    let rows = match &built {
        Err(failed) if failed.code().is_some_and(|code| code == "23505") => {
            duplicates(&mut runner.conn, &left.name).await?
        }
        _ => Vec::new(),
    };
    drop_invalid(runner, &left.name).await?;
    let failed = built.err().unwrap_or(Error::Invalid(left.name));
    if rows.is_empty() { Err(failed) } else { Err(Error::Duplicates { failed: Box::new(failed), rows }) }
}

/// Finds the index by name, in the schema of its table.
async fn find(conn: &mut PgConnection, wanted: &NewIndex) -> Result<Option<IndexInfo>, sqlx::Error> {
    sqlx::query_as(
        "select i.indexrelid::regclass::text as name, i.indisvalid as valid,
                exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid) as busy
         from pg_class t join pg_class c on c.relnamespace = t.relnamespace join pg_index i on i.indexrelid = c.oid
         where t.oid = to_regclass($1) and c.relname = (parse_ident($2))[1]",
    )
    .bind(&wanted.table)
    .bind(&wanted.name)
    .fetch_optional(conn)
    .await
}

/// Drops the index that was just built, because it violates a rule.
pub(crate) async fn take_back(runner: &mut Runner<'_>, wanted: &NewIndex) -> Result<(), Error> {
    match find(&mut runner.conn, wanted).await? {
        Some(found) => drop_concurrently(runner, &found.name).await,
        None => Ok(()),
    }
}

async fn drop_invalid(runner: &mut Runner<'_>, name: &str) -> Result<(), Error> {
    drop_concurrently(runner, name).await?;
    runner.settings.listener.tell(&Event::Dropped(name.to_owned()));
    Ok(())
}

async fn drop_concurrently(runner: &mut Runner<'_>, name: &str) -> Result<(), Error> {
    let wait = runner.settings.lock_wait;
    send(&mut runner.conn, &format!("set lock_timeout = {}", wait.as_millis())).await?;
    Ok(send(&mut runner.conn, &format!("drop index concurrently {name}")).await?)
}

#[derive(FromRow)]
struct IndexDefinition {
    relation: String,
    columns: String,
    present: Option<String>,
    predicate: Option<String>,
    identity: String,
}

/// Some groups of rows that violate a unique index, by their primary keys: ids may be disclosed, values may not.
/// Excludes rows with a null in the key, unless the index is NULLS NOT DISTINCT.
async fn duplicates(conn: &mut PgConnection, index: &str) -> Result<Vec<String>, sqlx::Error> {
    let shape: IndexDefinition = sqlx::query_as(
        "select i.indrelid::regclass::text as relation,
                (select string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ') from generate_series(1, i.indnkeyatts) as n) as columns,
                case when not i.indnullsnotdistinct then
                    (select string_agg(format('(%s) is not null', pg_get_indexdef(i.indexrelid, n, true)), ' and ')
                     from generate_series(1, i.indnkeyatts) as n) end as present,
                pg_get_expr(i.indpred, i.indrelid) as predicate,
                coalesce((select string_agg(quote_ident(a.attname) || '::text', ' || ''/'' || ' order by k.n)
                          from pg_index p, unnest(p.indkey) with ordinality as k (attnum, n)
                          join pg_attribute a on a.attnum = k.attnum
                          where p.indrelid = i.indrelid and p.indisprimary and a.attrelid = i.indrelid), 'ctid::text') as identity
         from pg_index i where i.indexrelid = $1::regclass",
    )
    .bind(index)
    .fetch_one(&mut *conn)
    .await?;
    let IndexDefinition { relation, columns, present, predicate, identity } = shape;
    let conditions: Vec<String> = [predicate, present].into_iter().flatten().collect();
    let only = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") };
    let question = format!(
        "select array_to_string((array_agg({identity}))[1:4], ', ') from {relation} where {only}
         group by {columns} having count(*) > 1 limit 5"
    );
    let groups: Vec<(String,)> =
        sqlx::query_as(AssertSqlSafe(question)).persistent(false).fetch_all(conn).await?;
    Ok(groups.into_iter().map(|(rows,)| rows).collect())
}
