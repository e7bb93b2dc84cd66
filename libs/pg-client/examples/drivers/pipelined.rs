//! tokio-postgres: the messages are pipelined, and each has a Sync of its own.

use postgres_types::{FromSqlOwned, ToSql};
use tokio_postgres::{Client as Pg, Config, NoTls, Row, Statement, config::SslMode};

use crate::{
    client::{ADMIT, ADMIT_WRITE, CREATE, Caller, Client, GET, LIST, Server, TEXTS, Values},
    form::{Form, Result, only},
};

const ENTER: &str = "select set_config('app.current_account_id', $1, true), \
    set_config('app.current_user_id', $2, true), set_config('app.current_request_id', $3, true)";

pub(crate) struct Pipelined {
    pg: Pg,
    begin: Statement,
    begin_read: Statement,
    enter: Statement,
    admit: Statement,
    admit_write: Statement,
    get: Statement,
    list: Statement,
    create: Statement,
    commit: Statement,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

struct Reader<'r>(&'r Row, usize);

impl Values for Reader<'_> {
    fn next<T: FromSqlOwned>(&mut self) -> Result<T> {
        self.1 += 1;
        Ok(self.0.try_get(self.1 - 1)?)
    }
}

impl Pipelined {
    async fn read(
        &self,
        caller: &Caller,
        statement: &Statement,
        values: Parameters<'_>,
    ) -> Result<Vec<Client>> {
        let [account, user, request] = settings(caller);
        let settings: Parameters<'_> = &[&account, &user, &request];
        let session: Parameters<'_> = &[&caller.account, &caller.session, &caller.epoch];
        let (_, _, _, rows, _) = tokio::try_join!(
            biased;
            self.pg.execute(&self.begin_read, &[]),
            self.pg.execute(&self.enter, settings),
            self.pg.execute(&self.admit, session),
            self.pg.query(statement, values),
            self.pg.execute(&self.commit, &[]),
        )?;
        decoded(&rows)
    }

    async fn write(&self, caller: &Caller, values: Parameters<'_>) -> Result<Vec<Client>> {
        let [account, user, request] = settings(caller);
        let settings: Parameters<'_> = &[&account, &user, &request];
        let session: Parameters<'_> = &[&caller.account, &caller.session, &caller.epoch];
        let (_, _, _, rows) = tokio::try_join!(
            biased;
            self.pg.execute(&self.begin, &[]),
            self.pg.execute(&self.enter, settings),
            self.pg.execute(&self.admit_write, session),
            self.pg.query(&self.create, values),
        )?;
        decoded(&rows)
    }
}

fn settings(caller: &Caller) -> [String; 3] {
    [caller.account, caller.user, caller.session].map(|id| id.to_string())
}

fn decoded(rows: &[Row]) -> Result<Vec<Client>> {
    rows.iter().map(|row| Client::read(Reader(row, 0))).collect()
}

impl Form for Pipelined {
    async fn connect(server: &Server) -> Result<Self> {
        let (pg, connection) = Config::new()
            .host(&server.host)
            .port(server.port)
            .user(&server.user)
            .password(&server.password)
            .dbname(&server.database)
            .ssl_mode(SslMode::Disable)
            .connect(NoTls)
            .await?;
        tokio::spawn(connection);
        Ok(Self {
            begin: pg.prepare("begin").await?,
            begin_read: pg.prepare("begin read only").await?,
            enter: pg.prepare(ENTER).await?,
            admit: pg.prepare(ADMIT).await?,
            admit_write: pg.prepare(ADMIT_WRITE).await?,
            get: pg.prepare(&GET).await?,
            list: pg.prepare(&LIST).await?,
            create: pg.prepare(&CREATE).await?,
            commit: pg.prepare("commit").await?,
            pg,
        })
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.pg.batch_execute(text).await?)
    }

    async fn get(&mut self, caller: &Caller) -> Result<Client> {
        only(self.read(caller, &self.get, &[&caller.account, &caller.client]).await?)
    }

    async fn list(&mut self, caller: &Caller) -> Result<Vec<Client>> {
        self.read(caller, &self.list, &[&caller.account]).await
    }

    async fn create(&mut self, caller: &Caller) -> Result<Client> {
        let id = uuid::Uuid::now_v7();
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&caller.account, &id, &caller.user];
        values.extend(TEXTS.iter().map(|(_, value)| -> &(dyn ToSql + Sync) { value }));
        let rows = self.write(caller, &values).await;
        if rows.is_err() {
            self.pg.batch_execute("rollback").await?;
        }
        let client = only(rows?)?;
        self.pg.execute(&self.commit, &[]).await?;
        Ok(client)
    }

    fn must_close(&self) -> bool {
        self.pg.is_closed()
    }
}
