use std::{env, path::PathBuf, sync::LazyLock};

use cluster::{Binaries, Cluster};
use kernel::Env;
use migrate::{Migrations, NoHooks};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The password of every role of a throw-away server.
const PASSWORD: &str = "throw-away";
const TEMPLATE: &str = "template_nexo";

static SERVER: LazyLock<OnceCell<Cluster>> = LazyLock::new(OnceCell::new);

/// The server of this process.
pub async fn server() -> &'static Cluster {
    SERVER
        .get_or_init(async || {
            let cluster = throw_away(&[]).await;
            prepare(&cluster, TEMPLATE).await;
            let migrator = cluster.role("nexo_migrator", PASSWORD, TEMPLATE);
            let migrations = Migrations::embedded().unwrap();
            migrate::migrate(&migrator, &migrations, &NoHooks, &migrate::Settings::default()).await.unwrap();
            cluster
        })
        .await
}

/// A server of one's own, for tests that stop it or change its roles. `NEXO_POSTGRES_BIN` chooses the version.
pub async fn throw_away(settings: &[&str]) -> Cluster {
    let wanted = env::var_os("NEXO_POSTGRES_BIN").map(PathBuf::from);
    Cluster::throw_away(Binaries::find(wanted.as_deref()).unwrap(), settings).await.unwrap()
}

async fn prepare(cluster: &Cluster, name: &str) {
    let passwords = db::Passwords::same(&PASSWORD.into());
    db::prepare_cluster(&cluster.superuser("postgres"), name, &passwords).await.unwrap();
}

/// A database of one test.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    superuser: PgConnectOptions,
}

impl Database {
    /// With the schema of this version, and no rows.
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

    /// With the roles, and nothing else, on a server of the test's own.
    pub async fn empty(cluster: &Cluster) -> Self {
        prepare(cluster, "nexo").await;
        Self { superuser: cluster.superuser("nexo"), name: "nexo".to_owned() }
    }

    /// The superuser's way in.
    #[must_use]
    pub fn superuser(&self) -> PgConnectOptions {
        self.superuser.clone()
    }

    /// A role's way in.
    #[must_use]
    pub fn role(&self, role: &str) -> PgConnectOptions {
        self.superuser.clone().username(role).password(PASSWORD)
    }

    /// A connection of the superuser, to look at what is really there.
    pub async fn look(&self) -> PgConnection {
        PgConnection::connect_with(&self.superuser).await.unwrap()
    }

    /// Runs statements as the superuser.
    pub async fn run(&self, statements: &str) {
        self.look().await.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    }

    /// The settings of a service that connects as `role`.
    #[must_use]
    pub fn env(&self, role: &str) -> Env {
        Env::of(self.settings(role))
    }

    /// The same, as pairs of name and value.
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
