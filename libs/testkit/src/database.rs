use std::{env, path::PathBuf, sync::LazyLock};

use kernel::Env;
use migrate::{Migrations, NoHooks};
use pg_server::{Binaries, Cluster};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Password of every role of an ephemeral server.
const PASSWORD: &str = "throw-away";
const TEMPLATE: &str = "template_nexo";

static SERVER: LazyLock<OnceCell<Cluster>> = LazyLock::new(OnceCell::new);

/// Returns the server of this process, and starts it on the first call.
pub async fn server() -> &'static Cluster {
    SERVER
        .get_or_init(async || {
            let cluster = ephemeral(&[]).await;
            prepare(&cluster, TEMPLATE).await;
            let migrator = cluster.role("nexo_migrator", PASSWORD, TEMPLATE);
            let migrations = Migrations::embedded().unwrap();
            migrate::migrate(&migrator, &migrations, &NoHooks, &migrate::RunOptions::default())
                .await
                .unwrap();
            cluster
        })
        .await
}

/// Starts a separate server, for tests that stop it or change its roles. `NEXO_POSTGRES_BIN` selects the version.
pub async fn ephemeral(settings: &[&str]) -> Cluster {
    let wanted = env::var_os("NEXO_POSTGRES_BIN").map(PathBuf::from);
    Cluster::ephemeral(Binaries::find(wanted.as_deref()).unwrap(), settings).await.unwrap()
}

async fn prepare(cluster: &Cluster, name: &str) {
    let passwords = db::Passwords::same(&PASSWORD.into());
    db::prepare_cluster(&cluster.superuser("postgres"), name, &passwords).await.unwrap();
}

/// The database of one test.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    superuser: PgConnectOptions,
}

impl Database {
    /// Creates a database with the current schema and no rows.
    pub async fn migrated() -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let server = server().await;
        let mut conn = PgConnection::connect_with(&server.superuser("postgres")).await.unwrap();
        let create =
            format!("create database {name} template {TEMPLATE} owner nexo_owner strategy file_copy");
        conn.execute(AssertSqlSafe(create)).await.unwrap();
        conn.close().await.unwrap();
        let database = Self { superuser: server.superuser(&name), name };
        db::admit_services(&database.superuser).await.unwrap(); // privileges on a database are not copied with it
        database
    }

    /// Creates a database with the roles only, on a separate server.
    pub async fn empty(cluster: &Cluster) -> Self {
        prepare(cluster, "nexo").await;
        Self { superuser: cluster.superuser("nexo"), name: "nexo".to_owned() }
    }

    /// Connection options of the superuser.
    #[must_use]
    pub fn superuser(&self) -> PgConnectOptions {
        self.superuser.clone()
    }

    /// Connection options of a role.
    #[must_use]
    pub fn role(&self, role: &str) -> PgConnectOptions {
        self.superuser.clone().username(role).password(PASSWORD)
    }

    /// Opens a connection as superuser, to inspect the actual rows.
    pub async fn look(&self) -> PgConnection {
        PgConnection::connect_with(&self.superuser).await.unwrap()
    }

    /// Executes statements as the superuser.
    pub async fn run(&self, statements: &str) {
        self.look().await.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    }

    /// Environment of a service that connects as `role`.
    #[must_use]
    pub fn env(&self, role: &str) -> Env {
        Env::from_values(self.settings(role))
    }

    /// Settings of a service that connects as `role`, as pairs of name and value.
    #[must_use]
    pub fn settings(&self, role: &str) -> Vec<(String, String)> {
        let address = |role: &str| {
            let (host, port) = (self.superuser.get_host(), self.superuser.get_port());
            format!("postgres://{role}:{PASSWORD}@{host}:{port}/{}?sslmode=disable", self.name)
        };
        [
            ("DATABASE_URL", address(role)),
            ("MIGRATION_DATABASE_URL", address("nexo_migrator")),
            ("NEXO_SECRET", "a secret for tests, and for nothing else".to_owned()),
            ("NEXO_DATABASE_CONNECT_TIMEOUT_SECONDS", "20".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}
