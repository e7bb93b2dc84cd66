//! pg-client: settings, check and statement before one Sync, as `libs/db` sends them.

use bytes::BytesMut;
use pg_client::{Answers, Config, Connection, Host, Oid, Row, SslMode, Statement};
use postgres_types::{FromSqlOwned, IsNull, ToSql, Type};

use crate::{
    client::{ADMIT, ADMIT_WRITE, CREATE, Caller, Client, GET, LIST, Server, TEXTS, Values},
    form::{Form, Result, only},
};

const ENTER_READ: &str = "select set_config('transaction_read_only', 'on', true), \
    set_config('app.current_account_id', $1, true), set_config('app.current_user_id', $2, true)";
const ENTER_WRITE: &str = "select set_config('app.current_account_id', $1, true), \
    set_config('app.current_user_id', $2, true), set_config('app.current_request_id', $3, true)";

pub(crate) struct OneSync {
    pg: Connection,
}

/// Parameters as a batch takes them.
#[derive(Default)]
struct Parameters {
    types: Vec<Oid>,
    bytes: BytesMut,
}

impl Parameters {
    fn with(mut self, kind: &Type, value: &dyn ToSql) -> Result<Self> {
        let start = self.bytes.len();
        self.types.push(kind.oid());
        self.bytes.extend_from_slice(&[0; 4]);
        let size = match value.to_sql_checked(kind, &mut self.bytes)? {
            IsNull::Yes => -1,
            IsNull::No => i32::try_from(self.bytes.len() - start - 4)?,
        };
        if let Some(place) = self.bytes.get_mut(start..start + 4) {
            place.copy_from_slice(&size.to_be_bytes());
        }
        Ok(self)
    }

    fn ids(ids: &[uuid::Uuid]) -> Result<Self> {
        ids.iter().try_fold(Self::default(), |values, id| values.with(&Type::UUID, id))
    }

    fn ids_as_text(ids: &[uuid::Uuid]) -> Result<Self> {
        ids.iter().try_fold(Self::default(), |values, id| values.with(&Type::TEXT, &id.to_string()))
    }

    fn session(caller: &Caller) -> Result<Self> {
        Self::ids(&[caller.account, caller.session])?.with(&Type::INT4, &caller.epoch)
    }
}

struct Reader<'r>(Row<'r>, usize);

impl Values for Reader<'_> {
    fn next<T: FromSqlOwned>(&mut self) -> Result<T> {
        let column = self.0.columns().get(self.1).ok_or("no such column")?;
        let kind = Type::from_oid(column.oid).ok_or("an unknown type")?;
        let value = T::from_sql_nullable(&kind, self.0.value(self.1))?;
        self.1 += 1;
        Ok(value)
    }
}

impl OneSync {
    async fn send_all(&mut self, statements: &[(&str, Parameters)]) -> Result<Answers> {
        let mut batch = self.pg.batch();
        for (text, values) in statements {
            batch.add(&Statement::new(text).with(&values.types, &values.bytes))?;
        }
        Ok(batch.send().await?.into_result()?)
    }

    async fn read(&mut self, caller: &Caller, text: &str, values: Parameters) -> Result<Vec<Client>> {
        let settings = Parameters::ids_as_text(&[caller.account, caller.user])?;
        let admit = Parameters::session(caller)?;
        let answers = self.send_all(&[(ENTER_READ, settings), (ADMIT, admit), (text, values)]).await?;
        decoded(&answers, 2)
    }

    async fn write(&mut self, caller: &Caller, values: Parameters) -> Result<Vec<Client>> {
        let settings = Parameters::ids_as_text(&[caller.account, caller.user, caller.session])?;
        let admit = Parameters::session(caller)?;
        let begin = ("begin", Parameters::default());
        let all = [begin, (ENTER_WRITE, settings), (ADMIT_WRITE, admit), (&**CREATE, values)];
        decoded(&self.send_all(&all).await?, 3)
    }
}

fn decoded(answers: &Answers, at: usize) -> Result<Vec<Client>> {
    let mut rows = answers.rows(at);
    let mut all = Vec::with_capacity(rows.left());
    while let Some(row) = rows.next() {
        all.push(Client::read(Reader(row, 0))?);
    }
    Ok(all)
}

impl Form for OneSync {
    async fn connect(server: &Server) -> Result<Self> {
        let config = Config {
            host: Host::Tcp(server.host.clone(), server.port),
            user: server.user.clone(),
            password: Some(server.password.clone().into()),
            database: Some(server.database.clone()),
            application_name: None,
            options: None,
            ssl: SslMode::Disable,
            root_cert: None,
            client_cert: None,
        };
        Ok(Self { pg: Connection::connect(&config).await? })
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        self.pg.execute(text).await?;
        Ok(())
    }

    async fn get(&mut self, caller: &Caller) -> Result<Client> {
        only(self.read(caller, &GET, Parameters::ids(&[caller.account, caller.client])?).await?)
    }

    async fn list(&mut self, caller: &Caller) -> Result<Vec<Client>> {
        self.read(caller, &LIST, Parameters::ids(&[caller.account])?).await
    }

    async fn create(&mut self, caller: &Caller) -> Result<Client> {
        let mut values = Parameters::ids(&[caller.account, uuid::Uuid::now_v7(), caller.user])?;
        for (_, value) in TEXTS {
            values = values.with(&Type::TEXT, &value)?;
        }
        let rows = self.write(caller, values).await;
        if rows.is_err() {
            self.pg.execute("rollback").await?;
        }
        let client = only(rows?)?;
        self.pg.execute("commit").await?;
        Ok(client)
    }

    fn must_close(&self) -> bool {
        !self.pg.is_usable()
    }
}
