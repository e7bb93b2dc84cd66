//! sqlx, with the whole transaction as one text: a typed EXECUTE of a prepared statement, with results in text format.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Executor as _, FromRow as _, PgConnection};

use crate::{
    client::{CREATE, Caller, Client, GET, LIST, Server, TEXTS},
    form::{Form, Result, only},
    two_messages::{self, opening},
};

pub(crate) struct OneMessage {
    pg: PgConnection,
    /// Whether a statement failed, so that the transaction can only be rolled back.
    is_failed: bool,
}

impl OneMessage {
    async fn rows(&mut self, text: String) -> Result<Vec<Client>> {
        if self.is_failed {
            self.pg.execute("rollback").await?;
        }
        self.is_failed = true;
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&mut self.pg).await?;
        self.is_failed = false;
        Ok(rows.iter().map(Client::from_row).collect::<Result<_, _>>()?)
    }
}

/// A text as a literal.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

impl Form for OneMessage {
    async fn connect(server: &Server) -> Result<Self> {
        let mut pg = two_messages::connect(server).await?;
        let texts = ", text".repeat(TEXTS.len());
        let prepare = format!(
            "prepare get (uuid, uuid) as {}; prepare list (uuid) as {}; \
             prepare add (uuid, uuid, uuid{texts}) as {}",
            *GET, *LIST, *CREATE
        );
        pg.execute(AssertSqlSafe(prepare)).await?;
        Ok(Self { pg, is_failed: false })
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        self.pg.execute(AssertSqlSafe(text.to_owned())).await?;
        Ok(())
    }

    async fn get(&mut self, caller: &Caller) -> Result<Client> {
        let opening = opening("begin read only", "admit", caller);
        let Caller { account, client, .. } = caller;
        only(self.rows(format!("{opening}; execute get ('{account}', '{client}'); commit")).await?)
    }

    async fn list(&mut self, caller: &Caller) -> Result<Vec<Client>> {
        let opening = opening("begin read only", "admit", caller);
        self.rows(format!("{opening}; execute list ('{}'); commit", caller.account)).await
    }

    async fn create(&mut self, caller: &Caller) -> Result<Client> {
        let opening = opening("begin", "admit_write", caller);
        let Caller { account, user, .. } = caller;
        let mut text = format!("{opening}; execute add ('{account}', '{}', '{user}'", uuid::Uuid::now_v7());
        for (_, value) in TEXTS {
            write!(text, ", {}", quoted(value))?;
        }
        let client = only(self.rows(text + ")").await?)?;
        self.pg.execute("commit").await?;
        Ok(client)
    }

    fn must_close(&self) -> bool {
        false
    }
}
