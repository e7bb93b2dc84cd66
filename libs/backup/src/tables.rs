//! Content of tables: row count, and a hash over all rows that does not depend on their order.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::{Table, manifest::HashedColumns, watch::Counter};

/// Settings that make the text of rows independent of the session.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("search_path", "pg_catalog"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "iso_8601"),
    ("timezone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("client_min_messages", "warning"),
];

/// Connection options with a deterministic text output of rows.
pub(crate) fn reader(database: &PgConnectOptions, application: &str) -> PgConnectOptions {
    database.clone().application_name(application).options(SETTINGS.iter().copied())
}

/// Names of all tables with rows of their own, sorted.
pub(crate) async fn names(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let names: Vec<(String,)> = sqlx::query_as(
        "select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
         order by 1",
    )
    .fetch_all(conn)
    .await?;
    Ok(names.into_iter().map(|(name,)| name).collect())
}

/// Counts and hashes one table. The hash is the sum of two 64-bit hashes of each row, so that order does not
/// matter. Rows are hashed by value, or as text if a column's type has no hash function. Requires a transaction.
pub(crate) async fn measure(
    conn: &mut PgConnection,
    name: &str,
    hashed: HashedColumns,
) -> Result<Table, sqlx::Error> {
    let rows = rows(conn, name, hashed).await?;
    conn.execute("savepoint hashing").await?;
    let by_value = format!(
        "select count(*), {} from {rows} t",
        both("hash_record_extended(t, 0)", "hash_record_extended(t, 1)")
    );
    let measured = ask(conn, by_value).await;
    // 42883 undefined_function: the type of a column has no hash function
    if measured.as_ref().is_err_and(|failed| code(failed).as_deref() == Some("42883")) {
        conn.execute("rollback to savepoint hashing").await?;
        let by_text = format!(
            "select count(*), {} from (select t::text as r from {rows} t offset 0) rows",
            both("hashtextextended(r, 0)", "hashtextextended(r, 1)")
        );
        let (rows, hash) = ask(conn, by_text).await?;
        return Ok(Table { name: name.to_owned(), rows, hash });
    }
    let (rows, hash) = measured?;
    conn.execute("release savepoint hashing").await?;
    Ok(Table { name: name.to_owned(), rows, hash })
}

/// FROM item with the rows of a table. Only a table with generated columns needs a subquery.
async fn rows(conn: &mut PgConnection, name: &str, hashed: HashedColumns) -> Result<String, sqlx::Error> {
    let whole = format!("only {name}");
    if hashed == HashedColumns::WholeRows {
        return Ok(whole);
    }
    let (written, generated): (Option<String>, bool) = sqlx::query_as(
        "select string_agg(quote_ident(attname), ', ' order by attnum) filter (where attgenerated = ''),
                coalesce(bool_or(attgenerated <> ''), false)
         from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
    )
    .bind(name)
    .fetch_one(conn)
    .await?;
    let written = written.filter(|_| generated);
    Ok(written.map_or(whole, |columns| format!("(select {columns} from only {name})")))
}

fn both(one: &str, two: &str) -> String {
    format!("coalesce(sum({one}), 0)::text || ':' || coalesce(sum({two}), 0)::text")
}

async fn ask(conn: &mut PgConnection, question: String) -> Result<(i64, String), sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(question)).persistent(false).fetch_one(conn).await
}

fn code(failed: &sqlx::Error) -> Option<String> {
    failed.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// Counts and hashes all of these tables.
pub(crate) async fn measure_all(
    conn: &mut PgConnection,
    names: &[String],
    hashed: HashedColumns,
    counter: &Counter,
) -> Result<Vec<Table>, sqlx::Error> {
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        tables.push(measure(conn, name, hashed).await?);
        counter.add(1);
    }
    Ok(tables)
}

/// Differences between expected and found tables, one per line.
pub(crate) fn differences(wanted: &[Table], found: &[Table]) -> Vec<String> {
    let mut lines = Vec::new();
    for table in wanted {
        match found.iter().find(|other| other.name == table.name) {
            None => lines.push(format!("{} is missing", table.name)),
            Some(other) if other.rows != table.rows => {
                lines.push(format!("{} has {} rows of {}", table.name, other.rows, table.rows));
            }
            Some(other) if other.hash != table.hash => {
                lines.push(format!("{} has {} rows, but not the same", table.name, other.rows));
            }
            Some(_) => {}
        }
    }
    let known = |name: &str| wanted.iter().any(|table| table.name == name);
    lines.extend(
        found.iter().filter(|table| !known(&table.name)).map(|table| format!("{} is new", table.name)),
    );
    lines
}
