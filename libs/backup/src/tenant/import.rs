use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{
    archive::{ArchivedPerson, OpenArchive},
    remap::Remap,
    tables::{self, Table},
};
use crate::{Error, tables::reader};

/// Result of an account's import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedTenant {
    /// New identifier of the account.
    pub account_id: Uuid,
    /// Slug of the account in this installation.
    pub slug: String,
    /// Number of imported rows.
    pub rows: u64,
    /// Number of existing users, matched by e-mail address.
    pub known_people: u64,
    /// Number of new users; they have no password yet.
    pub new_people: u64,
}

/// Imports an archive as a new account with new ids, in one transaction. `dry` rolls back at the end.
pub async fn import(
    database: &PgConnectOptions,
    content: &OpenArchive,
    dry: bool,
) -> Result<ImportedTenant, Error> {
    let mut conn = PgConnection::connect_with(&reader(database, "nexo-import")).await?;
    conn.execute("begin").await?;
    let here: (Option<String>,) =
        sqlx::query_as("select max(version) filter (where success) from ops.migration_history")
            .fetch_one(&mut conn)
            .await?;
    if here.0.as_deref() != Some(&content.about.schema_version) {
        return Err(Error::OtherSchema {
            archive: content.about.schema_version.clone(),
            here: here.0.unwrap_or_default(),
        });
    }
    let tables = tables::all(&mut conn).await?;
    let mut remap = Remap::default();
    let account_id = Uuid::now_v7();
    remap.put(content.about.account_id, account_id);
    let (known_people, new_people) = people(&mut conn, content, &mut remap).await?;
    ids(content, &tables, &mut remap)?;
    let (slug,): (String,) = sqlx::query_as("select app.open_account($1, $2)")
        .bind(account_id)
        .bind(&content.about.slug)
        .fetch_one(&mut conn)
        .await?;
    let mut rows = 0;
    for table in &tables {
        if content.about.tables.iter().any(|known| known.name == table.short()) {
            stage(&mut conn).await?;
            let mut batch = Vec::with_capacity(BATCH);
            for line in content.lines(table.short())? {
                batch.push(remap.line(&line?));
                if batch.len() == BATCH {
                    put(&mut conn, &mut batch).await?;
                }
            }
            put(&mut conn, &mut batch).await?;
            rows += insert(&mut conn, table, account_id).await?;
        }
    }
    // its history has new ids, so its hash chain is recomputed
    let chain = sqlx::query("call ops.chain_anew($1)").bind(account_id);
    chain.execute(&mut conn).await?;
    conn.execute(if dry { "rollback" } else { "commit" }).await?;
    conn.close().await?;
    Ok(ImportedTenant { account_id, slug, rows, known_people, new_people })
}

/// Maps people to users: an existing user with the same e-mail address, or a new one without a password.
async fn people(
    conn: &mut PgConnection,
    content: &OpenArchive,
    remap: &mut Remap,
) -> Result<(u64, u64), Error> {
    let (mut known, mut new) = (0, 0);
    for line in content.lines("people")? {
        let person: ArchivedPerson = serde_json::from_str(&line?)?;
        let here: Option<(Uuid,)> =
            sqlx::query_as("select id from app.users where email_norm = app.normalize_email($1)")
                .bind(&person.email)
                .fetch_optional(&mut *conn)
                .await?;
        let id = if let Some((id,)) = here {
            known += 1;
            id
        } else {
            new += 1;
            let id = Uuid::now_v7();
            let insert =
                sqlx::query("insert into app.users (id, email, display_name, kind) values ($1, $2, $3, $4)");
            let insert = insert.bind(id).bind(&person.email).bind(&person.display_name).bind(&person.kind);
            insert.execute(&mut *conn).await?;
            id
        };
        remap.put(person.id, id);
    }
    Ok((known, new))
}

/// Assigns a new id to each row of the archive.
fn ids(content: &OpenArchive, tables: &[Table], remap: &mut Remap) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Row {
        id: Option<Uuid>,
    }
    let known = |table: &&Table| content.about.tables.iter().any(|known| known.name == table.short());
    for table in tables.iter().filter(known) {
        for line in content.lines(table.short())? {
            if let Some(id) = serde_json::from_str::<Row>(&line?)?.id {
                remap.renew(id);
            }
        }
    }
    Ok(())
}

/// Number of lines per statement.
const BATCH: usize = 1000;

/// Creates an empty temporary table for lines. One statement inserts them all, because rows may reference each
/// other.
pub(super) async fn stage(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    conn.execute("create temporary table if not exists staged (line text not null) on commit drop").await?;
    conn.execute("truncate pg_temp.staged").await.map(drop)
}

pub(super) async fn put(conn: &mut PgConnection, batch: &mut Vec<String>) -> Result<(), sqlx::Error> {
    if !batch.is_empty() {
        let insert = sqlx::query("insert into pg_temp.staged select unnest($1)");
        insert.bind(&*batch).execute(conn).await?;
        batch.clear();
    }
    Ok(())
}

/// Inserts the staged rows; `account_id` is always set to this account, whatever the line contains.
pub(super) async fn insert(conn: &mut PgConnection, table: &Table, account: Uuid) -> Result<u64, Error> {
    let (columns, name, values) = (table.column_list(), &table.name, table.values());
    let statement = format!(
        "insert into {name} ({columns}) select {values} from pg_temp.staged s, json_populate_record(null::{name}, s.line::json) r"
    );
    let insert = sqlx::query(AssertSqlSafe(statement)).bind(account).persistent(false);
    Ok(insert.execute(conn).await?.rows_affected())
}
