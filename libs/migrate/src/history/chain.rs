//! Hash chain of the history: each row contains the hash of its predecessors, the table's comment that of the
//! newest row.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::{Error, HistoryError, session::send};

const CHAIN: &str = include_str!("chain.sql");

/// Computes the chain after a write, in the same transaction.
pub(crate) async fn link(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let relink = format!(
        "{CHAIN} update ops.migration_history h set link = c.computed from chain c
         where h.version = c.version and h.link is distinct from c.computed"
    );
    send(conn, &relink).await?;
    let (head,): (String,) = sqlx::query_as(
        "select coalesce((select link from ops.migration_history order by version desc limit 1), 'none')",
    )
    .fetch_one(&mut *conn)
    .await?;
    send(conn, &format!("comment on table ops.migration_history is 'head {head}'")).await
}

/// Fails if a row was modified, inserted or deleted by hand.
pub(crate) async fn verify(conn: &mut PgConnection) -> Result<(), Error> {
    if !super::is_there(conn).await? {
        return Ok(());
    }
    let broken =
        format!("{CHAIN} select version from chain where link is distinct from computed order by n limit 1");
    let broken: Option<(String,)> = sqlx::query_as(AssertSqlSafe(broken)).fetch_optional(&mut *conn).await?;
    if let Some((version,)) = broken {
        return Err(tampered(format!("row {version} is not as it was written, or one before it is gone")));
    }
    let (whole,): (bool,) = sqlx::query_as(
        "select coalesce(obj_description('ops.migration_history'::regclass, 'pg_class')
            = 'head ' || coalesce((select link from ops.migration_history order by version desc limit 1), 'none'), false)",
    )
    .fetch_one(conn)
    .await?;
    if whole { Ok(()) } else { Err(tampered("its newest row is gone".to_owned())) }
}

fn tampered(what: String) -> Error {
    HistoryError::Tampered(what).into()
}
