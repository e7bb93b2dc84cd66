use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    process::Stdio,
};

use migrate::objects;
use pg_server::Binaries;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use super::data;
use crate::{
    Config, Error, Extension, Manifest, ProgressListener, Stage, archive,
    config::server_of,
    libpq::{self, Running},
    store::{PendingBackup, SCHEMA},
    tables,
};

/// The unpacked schema of a dump, deleted on drop. Rows are never unpacked to disk.
pub(crate) struct UnpackedDump {
    room: PendingBackup,
    path: PathBuf,
}

impl UnpackedDump {
    /// Unpacks the schema. The hashes of both archives were verified immediately before.
    pub(crate) async fn unpack(config: &Config, manifest: &Manifest) -> Result<Self, Error> {
        let room = config.local.unpack_dir(&manifest.name)?;
        let path = room.file("schema");
        let quiet = ProgressListener::default().counter(Stage::Unpack, 0);
        let (from, manifest, identities, into) = (
            config.local.file(&manifest.name, SCHEMA),
            manifest.clone(),
            config.identities.clone(),
            path.clone(),
        );
        tokio::task::spawn_blocking(move || {
            let mut file = BufWriter::new(File::create_new(&into).map_err(Error::file(&into))?);
            archive::unpack(&from, &manifest.name, &manifest.schema, &identities, &mut file, &quiet)?;
            file.into_inner().map_err(|failed| Error::Stream(failed.into_error())).map(drop)
        })
        .await
        .map_err(|_| Error::Ended)??;
        Ok(Self { room, path })
    }
}

/// Checks, before anything is created, that the server provides what the backup needs.
pub(crate) async fn lacks(server: &PgConnectOptions, manifest: &Manifest) -> Result<(), Error> {
    let mut conn = PgConnection::connect_with(server).await?;
    let mut lacks = Vec::new();
    let here = server_of(&mut conn).await?;
    if here / 10_000 < manifest.major() {
        lacks.push(format!("it is PostgreSQL {}, and the backup is of {}", here / 10_000, manifest.major()));
    }
    let roles: Vec<(String,)> =
        sqlx::query_as("select r from unnest($1) as r where to_regrole(quote_ident(r)) is null")
            .bind(&manifest.roles)
            .fetch_all(&mut conn)
            .await?;
    lacks.extend(roles.into_iter().map(|(role,)| format!("there is no role {role}")));
    for Extension { name, version } in &manifest.extensions {
        let (there,): (bool,) =
            sqlx::query_as("select exists (select from pg_available_extensions where name = $1)")
                .bind(name)
                .fetch_one(&mut conn)
                .await?;
        if !there {
            lacks.push(format!("extension {name} (it was {version}) is not installed"));
        }
    }
    conn.close().await?;
    if lacks.is_empty() { Ok(()) } else { Err(Error::Lacks(lacks)) }
}

/// Loads the dump into an empty database.
///
/// Schemas come first: a function's owner can be set only while that role may create in its schema, and this
/// privilege is revoked afterwards.
pub(crate) async fn load(
    config: &Config,
    unpacked: &UnpackedDump,
    manifest: &Manifest,
    into: &PgConnectOptions,
) -> Result<(), Error> {
    let server = crate::config::ask_server(into).await?;
    let programs = config.programs(server / 10_000, "restore into this server")?;
    let (schemas, rest) = unpacked.parts(&programs)?;
    let restore = |list: &Path, more: &[&str]| {
        let mut command = libpq::program(&programs, "pg_restore", into);
        command.env("PGOPTIONS", LOADING);
        command.args(["--no-password", "--exit-on-error"]).args(more).arg("--use-list").arg(list);
        command.arg("--dbname").arg(into.get_database().unwrap_or("postgres")).arg(&unpacked.path);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Running::start(command, "pg_restore")
    };
    finish(restore(&schemas, &[])?).await?;
    creating(into, &manifest.roles, "grant create on schema %s to %I").await?;
    finish(restore(&rest, &["--section=pre-data"])?).await?;
    data::load(config, manifest, into).await?;
    config.watch.tell(Stage::Index, 0, 0);
    finish(restore(&rest, &["--section=post-data", "--jobs", &config.jobs.to_string()])?).await?;
    creating(into, &manifest.roles, "revoke create on schema %s from %I").await
}

/// Grants on PostgreSQL's own functions need a superuser, and exist on the target server already.
const PRIVILEGES_OF_POSTGRESQL: &str = " ACL pg_catalog ";

/// Settings for loading: the database has no other users, and is discarded if loading is interrupted.
const LOADING: &str = "-c maintenance_work_mem=256MB -c synchronous_commit=off -c statement_timeout=0 -c lock_timeout=0 -c jit=off";

async fn finish(running: Running) -> Result<(), Error> {
    tokio::task::spawn_blocking(move || running.finish()).await.map_err(|_| Error::Ended)?
}

/// Executes `form` for each of our schemas and each role that is not its owner.
async fn creating(database: &PgConnectOptions, roles: &[String], form: &str) -> Result<(), Error> {
    let mut conn = PgConnection::connect_with(database).await?;
    let statements: Vec<(String,)> = sqlx::query_as(
        "select format($2, n.oid::regnamespace, r.rolname)
         from pg_namespace n, pg_roles r
         where r.rolname = any($1) and n.nspowner <> r.oid and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')",
    )
    .bind(roles)
    .bind(form)
    .fetch_all(&mut conn)
    .await?;
    for (statement,) in statements {
        conn.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(conn.close().await?)
}

impl UnpackedDump {
    /// Splits the archive's table of contents into schemas and everything else.
    fn parts(&self, programs: &Binaries) -> Result<(PathBuf, PathBuf), Error> {
        let mut command = libpq::program(programs, "pg_restore", &PgConnectOptions::new_without_pgpass());
        let listed = command.arg("--list").arg(&self.path).output().map_err(Error::file("pg_restore"))?;
        if !listed.status.success() {
            let said = String::from_utf8_lossy(&listed.stderr).trim().to_owned();
            return Err(Error::Program { program: "pg_restore", said });
        }
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let (schemas, rest): (Vec<&str>, Vec<&str>) = text
            .lines()
            .filter(|line| !line.contains(PRIVILEGES_OF_POSTGRESQL))
            .partition(|line| line.contains(" SCHEMA - "));
        let write = |name: &str, lines: Vec<&str>| {
            let path = self.room.file(name);
            std::fs::write(&path, lines.join("\n")).map_err(Error::file(&path)).map(|()| path)
        };
        Ok((write("schemas", schemas)?, write("rest", rest)?))
    }
}

/// Compares every table and the whole catalogue with the backup.
pub(crate) async fn compare(
    config: &Config,
    manifest: &Manifest,
    database: &PgConnectOptions,
) -> Result<(), Error> {
    let mut conn = PgConnection::connect_with(&tables::reader(database, "nexo-backup compare")).await?;
    conn.execute("begin read only").await?;
    let names = tables::names(&mut conn).await?;
    let counter = config.watch.counter(Stage::Compare, names.len() as u64);
    let found = tables::measure_all(&mut conn, &names, manifest.hashed(), &counter).await?;
    conn.execute("commit").await?;
    conn.close().await?;
    let mut differences = tables::differences(&manifest.tables, &found);
    let wanted = config.catalogue(&manifest.name)?;
    let catalogue = migrate::compare(&wanted, &objects(database).await?);
    differences.extend(catalogue.iter().map(ToString::to_string));
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Error::Differs { name: manifest.name.clone(), differences })
    }
}
