use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    archive::{ArchiveHeader, FORMAT, HashingLines, TableContent, TablePart, insist_free, write},
    tables::{self, Table},
};
use crate::{Error, tables::reader};

/// Writes the rows of one account, read in one snapshot, to `path`. An existing file is replaced only with
/// `overwrite`, and anything but a regular file never.
pub async fn export(
    database: &PgConnectOptions,
    account: &str,
    path: &Path,
    overwrite: bool,
    now: OffsetDateTime,
) -> Result<ArchiveHeader, Error> {
    insist_free(path, overwrite)?;
    let mut conn = PgConnection::connect_with(&reader(database, "nexo-export")).await?;
    conn.execute("begin isolation level repeatable read, read only").await?;
    let (id, slug, name) = find(&mut conn, account).await?;
    let (schema_version,): (Option<String>,) =
        sqlx::query_as("select max(version) filter (where success) from ops.migration_history")
            .fetch_one(&mut conn)
            .await?;
    let mut parts = vec![people(&mut conn, id, path).await?];
    for table in tables::all(&mut conn).await? {
        let mut lines = HashingLines::new(path)?;
        declare(&mut conn, &table, id).await?;
        loop {
            let batch = fetch(&mut conn).await?;
            batch.iter().try_for_each(|line| lines.push(line))?;
            if batch.is_empty() {
                break;
            }
        }
        close(&mut conn).await?;
        parts.push(lines.finish(table.short(), schema(&mut conn, &table).await?)?);
    }
    conn.execute("commit").await?;
    conn.close().await?;
    let content = |part: &TablePart| TableContent {
        name: part.name.clone(),
        rows: part.rows,
        sha256: part.sha256.clone(),
    };
    let about = ArchiveHeader {
        format: FORMAT,
        account_id: id,
        slug,
        name,
        at: now,
        nexo: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version: schema_version.unwrap_or_default(),
        tables: parts.iter().map(content).collect(),
    };
    write(path, &about, &parts, overwrite)?;
    Ok(about)
}

/// Finds an account by its id or slug.
pub(super) async fn find(conn: &mut PgConnection, account: &str) -> Result<(Uuid, String, String), Error> {
    let found: Option<(Uuid, String, String)> = sqlx::query_as(
        "select a.account_id, d.slug, a.name from app.accounts a join app.account_directory d on d.account_id = a.account_id
         where d.slug = $1 or a.account_id::text = $1",
    )
    .bind(account)
    .fetch_optional(conn)
    .await?;
    found.ok_or_else(|| Error::NoAccount(account.to_owned()))
}

/// Declares a cursor over the rows of an account as JSON.
pub(super) async fn declare(
    conn: &mut PgConnection,
    table: &Table,
    account: Uuid,
) -> Result<(), sqlx::Error> {
    let text = table.rows().replace("$1", &format!("'{account}'")); // a uuid is hex and dashes
    conn.execute(AssertSqlSafe(format!("declare rows no scroll cursor for {text}"))).await?;
    Ok(())
}

/// Fetches the next rows; empty at the end.
pub(super) async fn fetch(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let batch: Vec<(String,)> =
        sqlx::query_as("fetch 1000 from rows").persistent(false).fetch_all(conn).await?;
    Ok(batch.into_iter().map(|(line,)| line).collect())
}

pub(super) async fn close(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    conn.execute("close rows").await.map(drop)
}

/// Exports the members, without their passwords.
async fn people(conn: &mut PgConnection, account: Uuid, path: &Path) -> Result<TablePart, Error> {
    let mut lines = HashingLines::new(path)?;
    let people: Vec<(String,)> = sqlx::query_as(
        "select json_build_object('id', u.id, 'email', u.email, 'display_name', u.display_name, 'kind', u.kind)::text
         from app.memberships m join app.users u on u.id = m.user_id where m.account_id = $1 order by u.id",
    )
    .bind(account)
    .fetch_all(conn)
    .await?;
    for (line,) in people {
        lines.push(&line)?;
    }
    let text = json!({ "type": "string" });
    let properties = json!({ "id": { "type": "string", "format": "uuid" }, "email": text, "display_name": text, "kind": text });
    lines.finish(
        "people",
        object("people", &properties, &["id", "email", "display_name", "kind"].map(str::to_owned)),
    )
}

fn object(title: &str, properties: &Value, required: &[String]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// JSON Schema of a row of the table.
async fn schema(conn: &mut PgConnection, table: &Table) -> Result<Value, Error> {
    let columns: Vec<(String, String, bool)> = sqlx::query_as(
        "select a.attname::text, a.atttypid::regtype::text, a.attnotnull from pg_attribute a
         where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum",
    )
    .bind(&table.name)
    .fetch_all(conn)
    .await?;
    let property = |(name, kind, needed): &(String, String, bool)| {
        let mut one = of_type(kind);
        if let Some(kind) = one.get_mut("type").filter(|_| !needed) {
            *kind = json!([kind.take(), "null"]);
        }
        (name.clone(), one)
    };
    let properties: serde_json::Map<String, Value> = columns.iter().map(property).collect();
    let required: Vec<String> = columns.iter().map(|(name, ..)| name.clone()).collect();
    Ok(object(table.short(), &Value::Object(properties), &required))
}

fn of_type(kind: &str) -> Value {
    match kind {
        "uuid" => json!({ "type": "string", "format": "uuid" }),
        "boolean" => json!({ "type": "boolean" }),
        "smallint" | "integer" | "bigint" => json!({ "type": "integer" }),
        "numeric" | "real" | "double precision" => json!({ "type": "number" }),
        "timestamp with time zone" => json!({ "type": "string", "format": "date-time" }),
        "date" => json!({ "type": "string", "format": "date" }),
        "json" | "jsonb" => json!({}),
        "bytea" => json!({ "type": "string", "pattern": "^\\\\x[0-9a-f]*$" }),
        other if other.ends_with("[]") => json!({ "type": "array" }),
        _ => json!({ "type": "string" }),
    }
}
