//! sqlx, as `libs/db` used it: a simple message that opens, then the statement. The COMMIT of a read is in front of the
//! next opening.

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgSslMode},
    query::QueryAs,
};

use crate::{
    client::{ADMIT, ADMIT_WRITE, CREATE, Caller, Client, GET, LIST, Server, TEXTS},
    form::{Form, Result},
};

pub(crate) struct TwoMessages {
    pg: PgConnection,
    /// Whether its last transaction is still open.
    is_resting: bool,
}

/// Opens a connection on which `admit` and `admit_write` are prepared.
pub(crate) async fn connect(server: &Server) -> Result<PgConnection> {
    let options = PgConnectOptions::new()
        .host(&server.host)
        .port(server.port)
        .username(&server.user)
        .password(&server.password)
        .database(&server.database)
        .ssl_mode(PgSslMode::Disable);
    let mut pg = PgConnection::connect_with(&options).await?;
    let prepare = format!(
        "prepare admit (uuid, uuid, integer) as {ADMIT}; prepare admit_write (uuid, uuid, integer) as {ADMIT_WRITE}"
    );
    pg.execute(AssertSqlSafe(prepare)).await?;
    Ok(pg)
}

/// The opening of a transaction as SQL.
pub(crate) fn opening(begin: &str, admit: &str, caller: &Caller) -> String {
    let Caller { account, user, session, epoch, .. } = caller;
    format!(
        "{begin}; set local app.current_account_id = '{account}'; set local app.current_user_id = '{user}'; \
         set local app.current_request_id = '{session}'; execute {admit} ('{account}', '{session}', {epoch})"
    )
}

type Query<'q> = QueryAs<'q, Postgres, Client, PgArguments>;

fn query(text: &'static str) -> Query<'static> {
    sqlx::query_as(text)
}

impl TwoMessages {
    async fn read(&mut self, caller: &Caller, statement: Query<'_>) -> Result<Vec<Client>> {
        self.open("begin read only", "admit", caller).await?;
        Ok(statement.fetch_all(&mut self.pg).await?)
    }

    async fn open(&mut self, begin: &str, admit: &str, caller: &Caller) -> Result<()> {
        let ending = if self.is_resting { "commit; " } else { "" };
        self.is_resting = true;
        let opening = opening(begin, admit, caller);
        self.pg.execute(AssertSqlSafe(format!("{ending}{opening}"))).await?;
        Ok(())
    }
}

impl Form for TwoMessages {
    async fn connect(server: &Server) -> Result<Self> {
        Ok(Self { pg: connect(server).await?, is_resting: false })
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        self.pg.execute(AssertSqlSafe(text.to_owned())).await?;
        Ok(())
    }

    async fn get(&mut self, caller: &Caller) -> Result<Client> {
        let statement = query(&GET).bind(caller.account).bind(caller.client);
        self.read(caller, statement).await?.pop().ok_or_else(|| "no row".into())
    }

    async fn list(&mut self, caller: &Caller) -> Result<Vec<Client>> {
        self.read(caller, query(&LIST).bind(caller.account)).await
    }

    async fn create(&mut self, caller: &Caller) -> Result<Client> {
        self.open("begin", "admit_write", caller).await?;
        let mut statement = query(&CREATE).bind(caller.account).bind(uuid::Uuid::now_v7()).bind(caller.user);
        for (_, value) in TEXTS {
            statement = statement.bind(value);
        }
        let client = statement.fetch_one(&mut self.pg).await?;
        self.pg.execute("commit").await?;
        self.is_resting = false;
        Ok(client)
    }

    fn must_close(&self) -> bool {
        false
    }
}
