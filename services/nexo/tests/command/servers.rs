//! Servers of other encodings and locales: NEXO creates its database as needed, or refuses an incompatible one.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kernel::Env;
use migrate::NoHooks;
use nix::unistd::{User, chown, geteuid};
use pg_server::Binaries;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// A server that was created without NEXO.
struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const ROLES: [(&str, &str); 5] = [
    ("DATABASE_URL", "nexo_app"),
    ("AUTH_DATABASE_URL", "nexo_auth"),
    ("MIGRATION_DATABASE_URL", "nexo_migrator"),
    ("RELAY_DATABASE_URL", "nexo_relay"),
    ("BACKUP_DATABASE_URL", "nexo_backup"),
];

/// Folder of the server programs; `NEXO_POSTGRES_BIN` selects the release.
fn programs() -> PathBuf {
    let wanted = std::env::var_os("NEXO_POSTGRES_BIN").map(PathBuf::from);
    let initdb = Binaries::find(wanted.as_deref()).unwrap().program("initdb");
    initdb.parent().unwrap().to_owned()
}

/// Runs as the user postgres, because PostgreSQL refuses to run as root, and without this process's environment.
fn program(name: &str, locales: &Path) -> Command {
    let mut command = Command::new(programs().join(name));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LOCPATH", locales).current_dir("/");
    if geteuid().is_root() {
        let user = User::from_name("postgres").unwrap().unwrap();
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

impl Server {
    async fn start(initdb: &[&str]) -> Self {
        let folder = crate::process::home();
        if geteuid().is_root() {
            let user = User::from_name("postgres").unwrap().unwrap();
            chown(folder.path(), Some(user.uid), Some(user.gid)).unwrap();
        }
        let (data, locales) = (folder.path().join("data"), folder.path().join("locales"));
        fs::create_dir(&locales).unwrap();
        if initdb.iter().any(|argument| argument.contains("tr_TR")) {
            let folder = locales.join("tr_TR.UTF-8");
            let made =
                Command::new("localedef").args(["-i", "tr_TR", "-f", "UTF-8"]).arg(folder).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let made = program("initdb", &locales)
            .args(["--no-sync", "-A", "trust", "-U", "postgres", "-D"])
            .arg(&data)
            .args(initdb)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = testkit::free_port();
        let mut server = program("postgres", &locales);
        server.arg("-D").arg(&data).args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        server
            .args(["-c", "fsync=off", "-c", &format!("port={port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Self { process: server.spawn().unwrap(), port, folder };
        for _ in 0..300 {
            if PgConnection::connect(&server.address("postgres", "postgres")).await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server does not start");
    }

    fn address(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:x@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    fn env(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = ROLES.map(|(name, role)| (name.to_owned(), self.address(role, "nexo"))).into();
        all.push(("SUPERUSER_DATABASE_URL".to_owned(), self.address("postgres", "postgres")));
        all.push(("NEXO_STATE_DIR".to_owned(), self.folder.path().join("state").display().to_string()));
        all.push(("NEXO_SECRET".to_owned(), "a secret for tests, and for nothing else".to_owned()));
        all
    }

    fn nexo(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
        command.env_clear().env("PATH", "/usr/bin:/bin").envs(self.env());
        let done = command.args(arguments).output().unwrap();
        let said =
            [done.stdout, done.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
        (done.status.code().unwrap_or(-1), said)
    }

    async fn sql(&self, database: &str, statements: &str) {
        let mut conn = PgConnection::connect(&self.address("postgres", database)).await.unwrap();
        conn.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    }

    async fn one(&self, question: &str) -> String {
        let mut conn = PgConnection::connect(&self.address("postgres", "nexo")).await.unwrap();
        let (answer,): (String,) =
            sqlx::query_as(AssertSqlSafe(question.to_owned())).fetch_one(&mut conn).await.unwrap();
        answer
    }

    /// Creates roles, migrates, and checks the version.
    fn set_up(&self) {
        expect(0, self.nexo(&["db", "roles"]));
        expect(0, self.nexo(&["db", "migrate", "--no-backup", "--reason", "a test"]));
        let said = expect(0, self.nexo(&["db", "version"]));
        assert!(said.contains("UTF8"), "{said}");
    }

    /// Creates the database with other options, as by hand or by an older release.
    async fn made_otherwise(&self, clauses: &str) {
        self.sql("postgres", "drop database if exists nexo").await;
        self.sql("postgres", &format!("create database nexo owner nexo_owner template template0 {clauses}"))
            .await;
        self.sql("nexo", "grant connect on database nexo to nexo_app").await;
    }

    /// Every entry point rejects the database by name, with instructions.
    async fn is_refused(&self, name: &str) {
        let migrate = ["db", "migrate", "--no-backup", "--reason", "a test"];
        for (arguments, code) in [(&migrate[..], 2), (&["db", "version"], 1), (&["db", "roles"], 2)] {
            let said = expect(code, self.nexo(arguments));
            assert!(said.contains(name) && said.contains("pg_dump -Fc --encoding=UTF8"), "{said}");
        }
        for on_boot in ["true", "false"] {
            let mut env = Env::from_values(self.env()).with("NEXO_MIGRATE_ON_BOOT", on_boot);
            let refused = db::Config::read(&mut env).open(&NoHooks).await.err();
            let refused = match refused {
                Some(db::OpenError::Migration(refused)) => refused.to_string(),
                other => panic!("{on_boot}: {other:?}"),
            };
            assert!(refused.contains(name), "{refused}");
        }
    }

    /// Three spellings of one e-mail find the same user.
    async fn logs_in(&self) {
        let person = "select app.add_user('01890000-0000-7000-8000-000000000001', 'INFO.Iris@tr.example', 'Iris', 'x')";
        self.sql("nexo", person).await;
        for address in ["INFO.Iris@tr.example", "info.iris@tr.example", "INFO.IRIS@TR.EXAMPLE"] {
            let found =
                self.one(&format!("select count(*)::text from app.find_login('{address}', null)")).await;
            assert_eq!(found, "1", "{address}");
        }
    }
}

fn expect(wanted: i32, (code, said): (i32, String)) -> String {
    assert_eq!(code, wanted, "{said}");
    said
}

/// `initdb` without a locale, as by Debian's packages in a bare container: encoding `SQL_ASCII`.
#[tokio::test]
async fn a_server_without_a_locale_gets_a_database_of_utf8() {
    let server = Server::start(&[]).await;
    server.set_up();
    server.logs_in().await;
    let kept = "insert into app.account_directory (account_id, slug) values ('01890000-0000-7000-8000-000000000002', 'a');
        insert into app.accounts (account_id, name, created_by, updated_by)
        select account_id, repeat('名', 200), account_id, account_id from app.account_directory";
    server.sql("nexo", kept).await;
    server.made_otherwise("encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'").await;
    server.is_refused("SQL_ASCII").await;
}

#[tokio::test]
async fn a_server_that_speaks_turkish_by_icu_gets_a_database_that_does_not() {
    let turkish = ["--locale-provider=icu", "--icu-locale=tr-TR", "--locale=C.UTF-8", "--encoding=UTF8"];
    let server = Server::start(&turkish).await;
    server.set_up();
    server.logs_in().await;
    server
        .made_otherwise(
            "encoding 'UTF8' locale_provider icu icu_locale 'tr-TR' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'",
        )
        .await;
    server.is_refused("icu tr-TR").await;
}

#[tokio::test]
async fn a_server_that_speaks_turkish_by_libc_gets_a_database_that_does_not() {
    let server = Server::start(&["--locale=tr_TR.UTF-8", "--encoding=UTF8"]).await;
    server.set_up();
    server.logs_in().await;
    server
        .made_otherwise(
            "encoding 'UTF8' locale_provider libc lc_collate 'tr_TR.UTF-8' lc_ctype 'tr_TR.UTF-8'",
        )
        .await;
    server.is_refused("tr_TR.UTF-8").await;
}

/// Runs the commands from the error message verbatim.
#[tokio::test]
async fn the_way_out_of_a_wrong_locale_keeps_every_row() {
    let turkish = ["--locale-provider=icu", "--icu-locale=tr-TR", "--locale=C.UTF-8", "--encoding=UTF8"];
    let server = Server::start(&turkish).await;
    server.set_up();
    server.logs_in().await;
    let shell = |script: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", script]).env_clear().envs(server.env());
        shell.env("PATH", format!("{}:/usr/bin:/bin", programs().display()));
        shell.envs([("PGHOST", "127.0.0.1"), ("PGUSER", "postgres")]).env("PGPORT", server.port.to_string());
        let done = shell.output().unwrap();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    };
    // A database as created by an older release.
    shell(
        "psql -qd postgres -c 'alter database nexo rename to made' && psql -qd postgres -c \"create database nexo owner nexo_owner
         template template0 encoding 'UTF8' locale_provider icu icu_locale 'tr-TR' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'\" &&
         pg_dump -Fc made | pg_restore --exit-on-error -d nexo",
    );
    let (_, said) = server.nexo(&["db", "version"]);
    let commands: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("psql ") || line.starts_with("pg_dump ") || *line == "nexo db roles")
        .collect();
    assert_eq!(commands.len(), 3, "{said}");
    for command in commands {
        shell(&command.replace("nexo db roles", &format!("{} db roles", env!("CARGO_BIN_EXE_nexo"))));
    }
    expect(0, server.nexo(&["db", "version"]));
    expect(0, server.nexo(&["isolation", "verify"]));
    let found = server.one("select count(*)::text from app.find_login('info.iris@TR.example', null)").await;
    assert_eq!(found, "1");
}
