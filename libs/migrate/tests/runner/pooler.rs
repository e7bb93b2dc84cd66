//! Poolers in transaction mode assign each transaction another session, so session locks do not work.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use kernel::Env;
use migrate::{NoHooks, refuse_pooler};
use nix::unistd::{User, geteuid};
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpStream;

use crate::support::{TABLE, database, files, one, refusal};

struct PgBouncer {
    process: Child,
    _folder: tempfile::TempDir,
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Additional lines of the pooler's configuration.
const TRANSACTIONS: [&str; 2] = ["", "ignore_startup_parameters = options,extra_float_digits"];
const SESSIONS: &str = "pool_mode = session\nignore_startup_parameters = extra_float_digits";

async fn pgbouncer(server: &PgConnectOptions, more: &str) -> (PgBouncer, PgConnectOptions) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(open).tempdir().unwrap();
    let (upstream, database) = (server.get_port(), server.get_database().unwrap());
    let config = format!(
        "[databases]\n{database} = host=127.0.0.1 port={upstream} user=nexo_migrator password=x\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\npool_mode = transaction\nauth_type = any\n{more}\n"
    );
    fs::write(folder.path().join("pgbouncer.ini"), config).unwrap();
    let mut command = Command::new("/usr/sbin/pgbouncer");
    command.arg("-q").arg(folder.path().join("pgbouncer.ini")).stdout(Stdio::null()).stderr(Stdio::null());
    if geteuid().is_root() {
        let user = User::from_name("postgres").unwrap().unwrap(); // it refuses to run as root
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let bouncer = PgBouncer { process: command.spawn().unwrap(), _folder: folder };
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (bouncer, server.clone().port(port))
}

#[tokio::test]
async fn a_pooler_is_refused_before_anything_is_locked() {
    let (migrator, superuser) = database().await;
    for more in TRANSACTIONS {
        let (_bouncer, address) = pgbouncer(&migrator, more).await;
        let refused = refusal(&address, &files(&[TABLE])).await;
        assert!(refused.contains("pooler"), "{more}: {refused}");
        assert_eq!(
            one::<i64>(&superuser, "select count(*) from pg_locks l join pg_database d on d.oid = l.database where locktype = 'advisory' and datname = current_database()").await,
            0
        );
    }
}

#[tokio::test]
async fn services_and_backups_can_ask_whether_an_address_keeps_sessions() {
    let (migrator, _) = database().await;
    refuse_pooler(&migrator).await.unwrap();
    for more in TRANSACTIONS {
        let (_bouncer, address) = pgbouncer(&migrator, more).await;
        let refused = refuse_pooler(&address).await.unwrap_err().to_string();
        assert!(refused.contains("PgBouncer in transaction mode"), "{more}: {refused}");
    }
    let (_bouncer, address) = pgbouncer(&migrator, SESSIONS).await;
    refuse_pooler(&address).await.unwrap();
}

#[tokio::test]
async fn a_service_behind_a_pooler_in_transaction_mode_says_so_and_ends() {
    let (migrator, _) = database().await;
    for more in TRANSACTIONS {
        let (_bouncer, address) = pgbouncer(&migrator, more).await;
        let (port, database) = (address.get_port(), address.get_database().unwrap());
        let url = format!("postgres://nexo_app:x@127.0.0.1:{port}/{database}?sslmode=disable");
        let mut env = Env::from_values([
            ("DATABASE_URL".to_owned(), url),
            ("NEXO_MIGRATE_ON_BOOT".to_owned(), "false".to_owned()),
        ]);
        let refused = db::Config::read(&mut env).open(&NoHooks).await.err().map(|error| match error {
            db::OpenError::Migration(error) => error.to_string(),
            other => panic!("{other:?}"),
        });
        assert!(refused.is_some_and(|refused| refused.contains("PgBouncer")), "{more}");
    }
}

#[tokio::test]
async fn a_service_works_behind_a_pooler_in_session_mode_and_migrate_says_that_it_does_not() {
    let (migrator, _) = database().await;
    let embedded = migrate::Migrations::embedded().unwrap();
    migrate::migrate(&migrator, &embedded, &NoHooks, &migrate::RunOptions::default()).await.unwrap();
    let (_bouncer, address) = pgbouncer(&migrator, SESSIONS).await;
    let refused = refusal(&address, &embedded).await;
    assert!(refused.contains("PostgreSQL itself") && !refused.contains("transaction mode"), "{refused}");
    assert_eq!(migrate::verify_isolation(&address).await.unwrap(), vec![]);
    let (host, port, database) = ("127.0.0.1", address.get_port(), address.get_database().unwrap());
    // The pooler's configuration names the role that logs in at the server.
    let url = format!("postgres://nexo_app:x@{host}:{port}/{database}?sslmode=disable");
    let mut env = Env::from_values([
        ("DATABASE_URL".to_owned(), url),
        ("NEXO_MIGRATE_ON_BOOT".to_owned(), "false".to_owned()),
    ]);
    let opened = db::Config::read(&mut env).open(&NoHooks).await.err().map(|error| error.to_string());
    assert!(opened.is_some_and(|refused| refused.contains("nexo_migrator")), "only its role is refused");
}

#[tokio::test]
async fn a_relay_works_behind_a_pooler_in_transaction_mode() {
    let (migrator, _) = database().await;
    let embedded = migrate::Migrations::embedded().unwrap();
    migrate::migrate(&migrator, &embedded, &NoHooks, &migrate::RunOptions::default()).await.unwrap();
    let (_bouncer, address) = pgbouncer(&migrator, TRANSACTIONS[1]).await;
    let (port, database) = (address.get_port(), address.get_database().unwrap());
    let url = format!("postgres://nexo_relay:x@127.0.0.1:{port}/{database}?sslmode=disable");
    let mut env = Env::from_values([("RELAY_DATABASE_URL".to_owned(), url)]);
    let (mut one, mut other) = (db::Outbox::read(&mut env).unwrap(), db::Outbox::read(&mut env).unwrap());
    for _ in 0..3 {
        for outbox in [&mut one, &mut other] {
            let due = outbox.due(uuid::Uuid::nil().into(), 10).await.unwrap();
            assert!(due.is_empty());
            let waiting = outbox.backlog().look().await.unwrap();
            assert_eq!(waiting.waiting, 0);
        }
    }
}
