//! Missing requirements are reported before anything is created.

use backup::{BackupRequest, Config, Error};
use testkit::Database;

use crate::support::{Ground, one};

async fn own() -> (pg_server::Cluster, Ground) {
    let cluster = testkit::ephemeral(&[]).await;
    let database = Database::empty(&cluster).await;
    let migrations = migrate::Migrations::embedded().unwrap();
    migrate::migrate(
        &database.role("nexo_migrator"),
        &migrations,
        &migrate::NoHooks,
        &migrate::RunOptions::default(),
    )
    .await
    .unwrap();
    (cluster, Ground::of(database))
}

/// A role under row security would silently dump nothing.
#[tokio::test]
async fn a_role_that_row_security_holds_back_is_refused() {
    let (_cluster, ground) = own().await;
    ground.database.run("alter role nexo_backup nobypassrls").await;
    let refused =
        ground.config().backup(&ground.reader(), &BackupRequest::new("empty", "ana")).await.unwrap_err();
    assert!(matches!(refused, Error::HeldBack(_)) && refused.to_string().contains("BYPASSRLS"), "{refused}");
    ground
        .database
        .run("alter role nexo_backup bypassrls; revoke select on app.clients from nexo_backup")
        .await;
    let refused =
        ground.config().backup(&ground.reader(), &BackupRequest::new("empty", "ana")).await.unwrap_err();
    assert!(matches!(refused, Error::Unreadable { .. }), "{refused}");
    assert!(ground.config().backups().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(ground.config().folder()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_missing_role_or_extension_is_named_and_nothing_is_made() {
    let (_cluster, ground) = own().await;
    ground.database.run("create role reporting; grant usage on schema app to reporting").await;
    let manifest = ground.backup().await;
    assert!(manifest.roles.contains(&"reporting".to_owned()), "{:?}", manifest.roles);
    let extensions: Vec<_> = manifest.extensions.iter().map(|extension| extension.name.as_str()).collect();
    assert!(["btree_gin", "pg_trgm"].iter().all(|ours| extensions.contains(ours)), "{extensions:?}");
    ground.database.run("revoke usage on schema app from reporting; drop role reporting").await;
    let refused =
        ground.config().restore_beside(&manifest.name, &ground.migrator(), None).await.err().unwrap();
    assert!(refused.to_string().contains("there is no role reporting"), "{refused}");
    let superuser = ground.database.superuser();
    assert_eq!(
        one::<i64>(&superuser, "select count(*) from pg_database where datname like '%side%'").await,
        0
    );
}

#[tokio::test]
async fn programs_of_another_release_are_refused() {
    let (_cluster, ground) = own().await;
    let older = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 12.3'\n"),
        ("initdb", ""),
        ("pg_ctl", ""),
        ("pg_dump", ""),
        ("pg_restore", ""),
    ] {
        let path = older.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut env = kernel::Env::from_values(ground.database.settings("nexo_app"))
        .with("NEXO_BACKUP_STORES", ground.folder.path().to_string_lossy())
        .with("NEXO_POSTGRES_BIN", older.path().to_string_lossy());
    let config = Config::read(&mut env);
    let refused = config.backup(&ground.reader(), &BackupRequest::new("old", "ana")).await.unwrap_err();
    assert!(matches!(refused, Error::Programs { .. }), "{refused}");
    assert!(config.backups().unwrap().is_empty());
}

/// A killed child process leaves an archive that looks complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_killed_leaves_no_backup() {
    let (_cluster, ground) = own().await;
    ground.database.run("create table app.big (t text); insert into app.big select repeat(md5(n::text), 60) from generate_series(1, 150000) n; grant select on app.big to nexo_backup").await;
    let (config, reader) = (ground.config(), ground.reader());
    let running =
        tokio::spawn(async move { config.backup(&reader, &BackupRequest::new("killed", "ana")).await });
    let superuser = ground.database.superuser();
    let dumping = "select exists (select from pg_stat_activity where application_name = 'pg_dump' and query like 'COPY app.big%')";
    while !one::<bool>(&superuser, dumping).await {
        assert!(!running.is_finished(), "it was too fast");
    }
    // Terminating the session ends pg_dump, like an out-of-memory kill.
    one::<bool>(
        &superuser,
        "select bool_and(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'pg_dump'",
    )
    .await;
    let refused = running.await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::Program { program: "pg_dump", .. }), "{refused}");
    assert!(ground.config().backups().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(ground.config().folder()).unwrap().count(), 0, "nothing is left behind");
}
