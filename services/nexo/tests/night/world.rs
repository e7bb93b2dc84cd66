//! A small database, its acknowledged rows, and all places from which they can be restored.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Child,
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::site::Site;

/// State of the clients table: row count, and the hash in a manifest.
type State = (i64, String);

pub(crate) struct World {
    pub(crate) site: Site,
    /// Migrations of the next release, with their down files.
    folder: tempfile::TempDir,
    /// Number of acknowledged rows; the last is the newest.
    written: i64,
    /// Rows of each state that was ever live.
    states: BTreeMap<State, BTreeSet<i64>>,
}

/// Result of one run of `nexo db`.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

const COLUMNS: &str = "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = 'app.clients'::regclass and attnum > 0 and not attisdropped and attgenerated = ''";
const ROWS: &str =
    "select coalesce(array_agg(substr(name, 5)::bigint), '{}') from app.clients where name like 'Row %'";

impl World {
    pub(crate) async fn new() -> Self {
        let site = Site::with(20).await;
        let folder = tempfile::tempdir().unwrap();
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        for entry in std::fs::read_dir(ours).unwrap().flatten() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let mut world = Self { site, folder, written: 0, states: BTreeMap::new() };
        world.migration(
            "20990101_0000_note",
            "alter table app.clients add column of_the_night text;",
            "alter table app.clients drop column of_the_night;",
        );
        world.write().await;
        world
    }

    /// Adds a migration of the next release with its down file.
    pub(crate) fn migration(&self, name: &str, up: &str, down: &str) {
        for (file, text) in [(format!("{name}.sql"), up), (format!("{name}.down.sql"), down)] {
            std::fs::write(self.folder.path().join(file), text).unwrap();
        }
    }

    /// Inserts a client and returns its number: from now on it counts as acknowledged.
    pub(crate) async fn write(&mut self) -> i64 {
        self.written += 1;
        let insert = format!(
            "insert into app.clients (account_id, id, name, created_by, updated_by)
             values (md5('a')::uuid, gen_random_uuid(), 'Row {}', md5('a')::uuid, md5('a')::uuid)",
            self.written
        );
        self.site.database.run(&insert).await;
        self.look("nexo").await;
        self.written
    }

    /// Reads the rows of a database, and remembers its state.
    pub(crate) async fn look(&mut self, database: &str) -> BTreeSet<i64> {
        let options = self.site.database.superuser().database(database);
        let mut conn = PgConnection::connect_with(&options).await.unwrap();
        let (columns,): (String,) = sqlx::query_as(COLUMNS).fetch_one(&mut conn).await.unwrap();
        let state = format!(
            "select count(*), coalesce(sum(hash_record_extended(t, 0)), 0)::text || ':' || coalesce(sum(hash_record_extended(t, 1)), 0)::text
             from (select {columns} from only app.clients) t"
        );
        let state: State = sqlx::query_as(AssertSqlSafe(state)).fetch_one(&mut conn).await.unwrap();
        let (rows,): (Vec<i64>,) = sqlx::query_as(ROWS).fetch_one(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let rows: BTreeSet<i64> = rows.into_iter().collect();
        self.states.insert(state, rows.clone());
        rows
    }

    /// Arguments of one run, with the next release's migrations if needed.
    fn arguments(&self, words: &str) -> Vec<String> {
        let mut arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
        if ["migrate", "rollback", "restore", "tenant"].contains(&words.split(' ').next().unwrap()) {
            arguments.extend(["--migrations".to_owned(), self.folder.path().display().to_string()]);
        }
        arguments
    }

    pub(crate) fn start(&self, words: &str) -> Child {
        let arguments = self.arguments(words);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.site.nexo(&arguments).spawn().unwrap()
    }

    pub(crate) fn end(running: Child) -> Done {
        let done = running.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        Done { code: done.status.code(), said }
    }

    pub(crate) fn run(&self, words: &str) -> Done {
        Self::end(self.start(words))
    }

    /// Runs a command, which must succeed.
    pub(crate) fn must(&self, words: &str) -> String {
        let done = self.run(words);
        assert_eq!(done.code, Some(0), "{words}: {}", done.said);
        done.said
    }

    /// Starts a command and kills it (SIGKILL) after `time`; its children and sessions end with it.
    pub(crate) async fn killed(&self, words: &str, time: Duration) {
        let mut running = self.start(words);
        tokio::time::sleep(time).await;
        let _ = running.kill(); // it may have ended
        running.wait().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    /// Backups, newest first: name, validity, and state of the clients.
    pub(crate) fn backups(&self) -> Vec<(String, bool, State)> {
        let listed = self.site.answer(&["backups"]);
        let listed = listed.as_array().unwrap().iter();
        let one = |entry: &serde_json::Value| {
            let tables = entry["manifest"]["tables"].as_array()?;
            let clients = tables.iter().find(|table| table["name"] == "app.clients")?;
            let state = (clients["rows"].as_i64()?, clients["hash"].as_str()?.to_owned());
            Some((entry["name"].as_str()?.to_owned(), entry["standing"] != "failed", state))
        };
        listed.filter_map(one).collect()
    }

    /// Databases beside the live one that were live before.
    fn kept(&self) -> Vec<String> {
        let listed = self.site.answer(&["databases"]);
        let names = listed.as_array().unwrap().iter();
        names
            .filter(|one| one["kind"] != "into")
            .map(|one| one["database"].as_str().unwrap().to_owned())
            .collect()
    }

    /// All documented commands that restore the newest row; an empty one if it is live.
    pub(crate) async fn ways_back(&mut self) -> Vec<String> {
        let newest = self.written;
        let mut ways = Vec::new();
        if self.look("nexo").await.contains(&newest) {
            ways.push(String::new());
        }
        for database in self.kept() {
            if self.look(&database).await.contains(&newest) {
                ways.push(format!("restore --undo --database {database} --confirm nexo"));
            }
        }
        for (name, stands, state) in self.backups() {
            if stands && self.states.get(&state).is_some_and(|rows| rows.contains(&newest)) {
                ways.push(format!("restore {name} --confirm nexo"));
            }
        }
        ways
    }

    /// Runs one of those commands and checks that the newest row is live.
    pub(crate) async fn goes_back(&mut self, way: &str) {
        if !way.is_empty() {
            self.must(way);
        }
        let newest = self.written;
        assert!(self.look("nexo").await.contains(&newest), "`{way}` did not give row {newest} back");
    }

    pub(crate) fn archive(&self, name: &str) -> PathBuf {
        self.site.state.path().join("backups").join(name).join("archive")
    }
}

/// Latest version of the embedded migrations.
pub(crate) fn latest() -> String {
    migrate::Migrations::embedded().unwrap().latest().unwrap().to_string()
}
