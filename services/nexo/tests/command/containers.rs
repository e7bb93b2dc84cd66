//! Commands for containers: creating roles on a self-managed server, and health checks.

use std::process::{Command, Output};

use pg_server::Cluster;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use testkit::Database;

use crate::boot::{boot, healthy, program};

const ADDRESSES: [(&str, &str); 5] = [
    ("DATABASE_URL", "nexo_app"),
    ("AUTH_DATABASE_URL", "nexo_auth"),
    ("MIGRATION_DATABASE_URL", "nexo_migrator"),
    ("RELAY_DATABASE_URL", "nexo_relay"),
    ("BACKUP_DATABASE_URL", "nexo_backup"),
];

/// Runs `nexo` on this server; the roles' passwords are derived from `word`.
fn nexo(cluster: &Cluster, word: &str, arguments: &[&str]) -> Output {
    let superuser = cluster.superuser("postgres");
    let at = |user: &str| format!("postgres://{user}@{}:{}", superuser.get_host(), superuser.get_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
    command.env_clear().args(arguments).env("NEXO_SECRET", "a secret for tests, and for nothing else");
    command.env("NEXO_MIGRATE_WITHOUT_BACKUP", "there is nothing to keep");
    command.env("SUPERUSER_DATABASE_URL", superuser.to_url_lossy().as_str());
    for (name, role) in ADDRESSES {
        let address = at(&format!("{role}:{word}-{role}%40"));
        command.env(name, format!("{address}/nexo?sslmode=disable"));
    }
    command.output().unwrap()
}

async fn gets_in(cluster: &Cluster, role: &str, word: &str) -> bool {
    let options: PgConnectOptions =
        cluster.superuser("nexo").username(role).password(&format!("{word}-{role}@"));
    PgConnection::connect_with(&options).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_made_with_the_passwords_of_the_addresses_and_get_others_when_those_change() {
    let cluster = testkit::ephemeral(&[]).await;
    for word in ["first", "second", "second"] {
        let made = nexo(&cluster, word, &["db", "roles"]);
        assert!(made.status.success(), "{made:?}");
        for (_, role) in ADDRESSES {
            assert!(gets_in(&cluster, role, word).await, "{role} with {word}");
        }
    }
    assert!(!gets_in(&cluster, "nexo_app", "first").await);
    let migrated = nexo(&cluster, "second", &["db", "migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    let mut look = PgConnection::connect_with(&cluster.superuser("nexo")).await.unwrap();
    // Partitions for a year ahead, since services that do not migrate create none.
    let (ahead,): (i64,) = sqlx::query_as(
        "select count(*) from pg_tables where schemaname = 'app_parts' and tablename like 'audit_log_%'",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert!(ahead >= 12, "{ahead}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_production_roles_are_not_made_with_passwords_that_everybody_knows() {
    let cluster = testkit::ephemeral(&[]).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
    command.env_clear().args(["db", "roles"]).env("NEXO_ENV", "production");
    let port = cluster.port();
    command.env("SUPERUSER_DATABASE_URL", format!("postgres://postgres@127.0.0.1:{port}/postgres"));
    command.env("SUPERUSER_PASSWORD", "development-only-postgres");
    for (name, role) in ADDRESSES {
        command.env(name, format!("postgres://{role}:development-only-{role}@127.0.0.1:{port}/nexo"));
    }
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success(), "{said}");
    for name in ADDRESSES.map(|(name, _)| name).iter().chain(&["SUPERUSER_PASSWORD"]) {
        assert!(said.contains(&format!("{name}: is a secret of development")), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_asks_itself_whether_it_is_ready() {
    let cluster = testkit::ephemeral(&[]).await;
    let database = Database::empty(&cluster).await;
    let state = tempfile::tempdir().unwrap();
    let asks = |name: &str, listen: &str, address: &str| {
        Command::new(program(name)).arg("healthcheck").env_clear().env(listen, address).output().unwrap()
    };
    for (name, listen) in [
        ("crm-service", "NEXO_CRM_LISTEN"),
        ("auth-service", "NEXO_AUTH_LISTEN"),
        ("api-gateway", "NEXO_GATEWAY_LISTEN"),
    ] {
        let service = boot(&database, name, state.path(), &[]);
        assert!(healthy(service.port).await);
        let ready = asks(name, listen, &format!("0.0.0.0:{}", service.port));
        assert!(ready.status.success(), "{name}: {ready:?}");
        drop(service);
    }
    for (address, why) in [("127.0.0.1:9", "does not answer"), ("nowhere", "NEXO_CRM_LISTEN")] {
        let refused = asks("crm-service", "NEXO_CRM_LISTEN", address);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains(why), "{said}");
    }
}
