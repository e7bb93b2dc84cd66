//! `nexo db migrate`, `rollback`, `status` and related commands on a database of its own.

use std::{fs, path::Path, process::Command};

use migrate::NoHooks;
use tempfile::TempDir;
use testkit::Database;

const VERSION: &str = "20990101_0000";

/// A database, and a folder with our migrations to which the test adds more.
struct Site {
    database: Database,
    folder: TempDir,
    state: TempDir,
}

impl Site {
    async fn start() -> Self {
        let (folder, state) = (tempfile::tempdir().unwrap(), crate::process::home());
        for entry in fs::read_dir(ours()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        Self { database: Database::migrated().await, folder, state }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// Runs `nexo db` with the folder's migrations: exit code and output.
    fn db(&self, arguments: &[&str]) -> (i32, String) {
        self.run(&[&["db", "--migrations", self.folder.path().to_str().unwrap()], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexo"));
        command
            .envs(self.database.settings("nexo_app"))
            .env("NEXO_STATE_DIR", self.state.path().join("state"));
        let done = command.args(arguments).output().unwrap();
        let said =
            [done.stdout, done.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
        (done.status.code().unwrap_or(-1), said)
    }

    /// Rolls back to the latest of our own migrations.
    fn roll_back(&self) -> (i32, String) {
        let latest = migrate::Migrations::embedded().unwrap().latest().unwrap().to_string();
        let name = self.database.superuser().get_database().unwrap().to_owned();
        let arguments =
            ["rollback", "--to", &latest, "--reason", "a test", "--no-backup", "--confirm", &name];
        self.db(&arguments)
    }
}

fn ours() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations")
}

fn expect(wanted: i32, (code, said): (i32, String)) -> String {
    assert_eq!(code, wanted, "{said}");
    said
}

const APPLY: [&str; 4] = ["migrate", "--no-backup", "--reason", "a test"];

#[tokio::test]
async fn a_new_table_goes_there_and_back_and_services_start_on_what_is_left() {
    let site = Site::start().await;
    let made = tempfile::tempdir().unwrap();
    let said = expect(0, site.run(&["db", "new", "vehicles", "--migrations", made.path().to_str().unwrap()]));
    assert!(said.contains("_vehicles.sql") && said.contains("_vehicles.down.sql"), "{said}");
    for entry in fs::read_dir(made.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let later = format!("{VERSION}{}", &name[VERSION.len()..]);
        fs::copy(made.path().join(&name), site.folder.path().join(later)).unwrap();
    }
    let (up, down) = (format!("{VERSION}_vehicles.sql"), format!("{VERSION}_vehicles.down.sql"));
    let up = site.folder.path().join(up);
    expect(0, site.db(&["lint", up.to_str().unwrap()]));
    expect(0, site.db(&APPLY));
    let right = fs::read_to_string(site.folder.path().join(&down)).unwrap();
    site.write(&down, "drop table app.vehicles;");
    let said = expect(1, site.db(&["lint", up.to_str().unwrap()]));
    assert!(said.contains("kind-without-table") && said.contains("not-reversed"), "{said}");
    let said = expect(2, site.roll_back());
    assert!(said.contains("does not give back the catalogue") && said.contains("app.vehicles"), "{said}");
    site.write(&down, &right);
    let said = expect(0, site.roll_back());
    assert!(said.contains("took back 1"), "{said}");
    expect(0, site.run(&["isolation", "verify"]));
    let said = expect(0, site.run(&["db", "check"]));
    assert!(!said.contains("app.vehicles"), "{said}");
    db::Config::read(&mut site.database.env("nexo_app")).open(&NoHooks).await.unwrap();
}

#[tokio::test]
async fn a_file_that_breaks_isolation_is_not_applied() {
    let site = Site::start().await;
    site.write(
        &format!("{VERSION}_open.sql"),
        "create table app.open (account_id uuid not null, id uuid not null, primary key (account_id, id));
         grant select on app.open to nexo_app;",
    );
    let said = expect(2, site.db(&APPLY));
    assert!(said.contains("app.open: row security is not enabled"), "{said}");
    expect(0, site.run(&["isolation", "verify"]));
    let said = expect(1, site.run(&["db", "status"]));
    assert!(said.contains(VERSION) && said.contains("unknown to this program"), "{said}");
    let said = expect(1, site.run(&["db", "version"]));
    assert!(said.contains(VERSION) && said.contains("DOES NOT FIT"), "{said}");
    let said = expect(0, site.run(&["db", "migrate"]));
    assert!(said.contains(&format!("{VERSION}_open.sql")), "the release before tells, and starts: {said}");
}

#[tokio::test]
async fn a_kind_without_a_table_is_reported_and_stops_nothing() {
    let site = Site::start().await;
    site.database.run("insert into ops.table_kinds values ('app.gone', 'tenant')").await;
    let said = expect(0, site.run(&["db", "check", "--no-drift"]));
    assert!(said.contains("app.gone"), "{said}");
    expect(0, site.run(&["isolation", "verify"]));
    db::Config::read(&mut site.database.env("nexo_app")).open(&NoHooks).await.unwrap();
}

#[tokio::test]
async fn what_is_stopped_before_anything_is_applied_offers_no_restore() {
    let site = Site::start().await;
    site.write(&format!("{VERSION}_bad.sql"), "alter table app.clients rename column name to title;");
    let said = expect(2, site.db(&["migrate", "--safe"]));
    assert!(said.contains("renaming-column") && said.contains("nothing was applied"), "{said}");
    assert!(!said.contains("db restore") && !said.contains("hook"), "{said}");
}

#[tokio::test]
async fn safe_stops_before_it_applies_where_the_catalogue_has_drifted() {
    let site = Site::start().await;
    site.write(&format!("{VERSION}_shade.sql"), "alter table app.clients add column shade text;");
    site.database.run("create index ix_clients_mine on app.clients (account_id, phone)").await;
    let said = expect(2, site.db(&["migrate", "--safe", "--no-backup", "--reason", "a test"]));
    assert!(said.contains("+ index app.ix_clients_mine") && said.contains("nothing was applied"), "{said}");
    let said = expect(1, site.db(&APPLY));
    assert!(
        said.contains("applied 1") && said.contains("+ index app.ix_clients_mine"),
        "told, and no more: {said}"
    );
    site.database.run("drop index app.ix_clients_mine").await;
    expect(0, site.db(&["migrate", "--safe", "--no-backup", "--reason", "a test"]));
}

#[tokio::test]
async fn messages_name_what_one_can_do() {
    let site = Site::start().await;
    let said = expect(2, site.db(&["resolve", VERSION, "--reason", "x"]));
    assert!(said.contains("--applied") && said.contains("--rolled-back"), "{said}");
    let nowhere = site.folder.path().join("nowhere");
    let said = expect(2, site.run(&["db", "status", "--migrations", nowhere.to_str().unwrap()]));
    assert!(said.contains(nowhere.to_str().unwrap()), "{said}");
    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_nexo"));
    let elsewhere = elsewhere.args(["db", "new", "vans"]).current_dir(site.state.path()).output().unwrap();
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(said.contains("--migrations FOLDER"), "{said}");
    let closed = [("MIGRATION_DATABASE_URL", "postgres://nexo_migrator:x@127.0.0.1:1/nexo")];
    let migrate = [&["db"], &APPLY[..]].concat();
    for arguments in [&["db", "version"][..], &["keys", "list"], &migrate] {
        let (code, said) = crate::process::Nexo::command_with(&site.state, arguments, &closed);
        assert!(code == 2 && said.contains("127.0.0.1:1"), "{said}");
    }
    let newest = fs::read_dir(site.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| !path.to_string_lossy().contains(".down.")).max().unwrap();
    fs::remove_file(&newest).unwrap();
    let _ = fs::remove_file(newest.with_extension("down.sql"));
    let said = expect(2, site.db(&APPLY));
    assert!(said.contains("deleted or renamed") && !said.contains("newer release"), "{said}");
}
