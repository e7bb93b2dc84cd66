//! The history is tamper-evident, and records manual decisions.

use std::sync::{Arc, Mutex};

use migrate::{
    Listener, Migrations, NoHooks, Release, ResolvedBy, RunOptions, State, Verdict, diff, resolve, standing,
    status,
};

use crate::support::{ROWS, TABLE, apply, database, files, hasty, one, refusal, run};

const BECAUSE: ResolvedBy<'_> = ResolvedBy { actor: "ana", reason: "seen by hand" };

#[tokio::test]
async fn a_history_that_was_changed_by_hand_is_refused() {
    for (change, row) in [
        ("update ops.migration_history set checksum = 'f' where version = '20260101_0000'", "row 20260101_0000"),
        ("update ops.migration_history set applied_by = 'x' where version = '20260102_0000'", "row 20260102_0000"),
        ("delete from ops.migration_history where version = '20260101_0000'", "row 20260102_0000"),
        ("delete from ops.migration_history where version = '20260102_0000'", "newest row is gone"),
        (
            "insert into ops.migration_history (version, name, description, checksum, state, statement, without_transaction, app_version)
             values ('20260103_0000', 'x', '', 'f', 'applied', 1, false, '1.0.0')",
            "row 20260103_0000",
        ),
    ] {
        let (migrator, superuser) = database().await;
        let all = files(&[TABLE, ROWS]);
        apply(&migrator, &all).await.unwrap();
        run(&superuser, change).await;
        let refused = refusal(&migrator, &all).await;
        assert!(refused.contains(row) && refused.contains("nexo db resolve"), "{change}: {refused}");
        let told = status(&migrator, &all, Release::ours()).await.unwrap();
        assert!(told.tampered.is_some() && !told.is_current(), "{change}");
        let service = migrator.clone().username("nexo_app");
        let refused = migrate::wait(&service, &all, Release::ours(), std::time::Duration::ZERO).await.unwrap_err();
        assert!(refused.to_string().contains(row), "{refused}");
    }
}

#[tokio::test]
async fn an_operator_puts_a_changed_history_right() {
    let (migrator, superuser) = database().await;
    let all = files(&[TABLE, ROWS]);
    apply(&migrator, &all).await.unwrap();
    run(&superuser, "delete from ops.migration_history where version = '20260102_0000'").await;
    resolve(&migrator, &all, &"20260102_0000".parse().unwrap(), Verdict::Applied, BECAUSE, &hasty())
        .await
        .unwrap();
    assert!(apply(&migrator, &all).await.unwrap().applied.is_empty());
    let kept = "select actor || ': ' || because from ops.migration_history where version = '20260102_0000'";
    assert_eq!(one::<String>(&superuser, kept).await, "ana: seen by hand");
}

#[tokio::test]
async fn a_failed_migration_is_resolved_only_if_it_verifies() {
    let (migrator, superuser) = database().await;
    let file = (
        "20260102_0000_rows.sql",
        "-- nexo:no-transaction\ninsert into app.things values (1);\ncall app.nothing();\ninsert into app.things values (2);\n\
         -- nexo:verify\nselect count(*) = 2 from app.things;",
    );
    let all = files(&[TABLE, file]);
    let version = "20260102_0000".parse().unwrap();
    assert!(standing(&migrator, &all, &version).await.unwrap_err().to_string().contains("never begun"));
    refusal(&migrator, &all).await;
    let refused = refusal(&migrator, &all).await;
    assert!(refused.contains("resolve 20260102_0000 --applied"), "{refused}");
    let told = standing(&migrator, &all, &version).await.unwrap();
    assert_eq!(told.done, ["insert into app.things values (1)"]);
    assert_eq!(told.doubtful.as_deref(), Some("call app.nothing()"));
    assert_eq!(told.left, ["insert into app.things values (2)"]);
    let refused = resolve(&migrator, &all, &version, Verdict::Applied, BECAUSE, &hasty()).await.unwrap_err();
    assert!(refused.to_string().contains("count(*) = 2"), "{refused}");
    run(&superuser, "insert into app.things values (2)").await;
    resolve(&migrator, &all, &version, Verdict::Applied, BECAUSE, &hasty()).await.unwrap();
    assert!(apply(&migrator, &all).await.unwrap().applied.is_empty());
    let settled = resolve(&migrator, &all, &version, Verdict::Applied, BECAUSE, &hasty()).await.unwrap_err();
    assert!(settled.to_string().contains("is applied"), "{settled}");
}

#[tokio::test]
async fn what_was_undone_by_hand_is_pending_again() {
    let (migrator, superuser) = database().await;
    let broken = (
        "20260102_0000_rows.sql",
        "-- nexo:no-transaction\ninsert into app.things values (1);\ncall app.nothing();",
    );
    let version = "20260102_0000".parse().unwrap();
    refusal(&migrator, &files(&[TABLE, broken])).await;
    run(&superuser, "delete from app.things").await;
    resolve(&migrator, &files(&[TABLE, broken]), &version, Verdict::RolledBack, BECAUSE, &hasty())
        .await
        .unwrap();
    let line = status(&migrator, &files(&[TABLE, ROWS]), Release::ours()).await.unwrap().migrations.remove(1);
    assert_eq!(line.state, State::Pending);
    assert_eq!(apply(&migrator, &files(&[TABLE, ROWS])).await.unwrap().applied.len(), 1, "written anew");
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 2);
}

#[tokio::test]
async fn an_older_release_works_with_a_newer_schema_that_allows_it() {
    let (migrator, _) = database().await;
    let newer =
        ("20260103_0000_more.sql", "-- nexo:min-app 0.0.1\nalter table app.things add column note text;");
    let closed =
        ("20260104_0000_less.sql", "-- nexo:min-app 999.0.0\nalter table app.things drop column note;");
    let silent = ("20260105_0000_silent.sql", "alter table app.things add column other text;");
    let ours = files(&[TABLE, ROWS]);
    apply(&migrator, &files(&[TABLE, ROWS, newer])).await.unwrap();
    assert!(apply(&migrator, &ours).await.unwrap().applied.is_empty());
    let told = status(&migrator, &ours, Release::ours()).await.unwrap();
    assert!(told.is_current() && told.migrations[2].state == State::Newer);
    apply(&migrator, &files(&[TABLE, ROWS, newer, closed])).await.unwrap();
    let refused = refusal(&migrator, &ours).await;
    assert!(refused.contains("20260104_0000_less.sql") && refused.contains("999.0.0"), "{refused}");
    let (migrator, _) = database().await;
    apply(&migrator, &files(&[TABLE, ROWS, silent])).await.unwrap();
    assert!(refusal(&migrator, &ours).await.contains("deleted or renamed"));
}

#[tokio::test]
async fn a_history_of_an_earlier_release_is_taken_over() {
    let (migrator, superuser) = database().await;
    let all = files(&[TABLE, ROWS]);
    apply(&migrator, &all).await.unwrap();
    let before = "alter table ops.migration_history drop column link, drop column min_app, drop column backup,
        drop column actor, drop column because, drop column backfill; comment on table ops.migration_history is null";
    run(&superuser, before).await;
    assert!(apply(&migrator, &all).await.unwrap().applied.is_empty());
    let links = "select count(link) from ops.migration_history";
    assert_eq!(one::<i64>(&superuser, links).await, 2);
}

#[tokio::test]
async fn a_failed_migration_is_reported_by_a_program_without_its_file() {
    let (migrator, _) = database().await;
    let broken = ("20260103_0000_more.sql", "-- nexo:no-transaction\nselect 1;\nselect 1 / 0;");
    refusal(&migrator, &files(&[TABLE, ROWS, broken])).await;
    let ours = files(&[TABLE, ROWS]);
    let told = status(&migrator, &ours, Release::ours()).await.unwrap();
    assert!(!told.is_current());
    let State::Failed { statement: 2, error: Some(error), known: false } = &told.migrations[2].state else {
        panic!("{:?}", told.migrations)
    };
    assert!(error.contains("division by zero"), "{error}");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let listener = Listener::new(move |event| told.lock().unwrap().push(event.to_string()));
    let settings = RunOptions { listener, ..hasty() };
    let outcome = migrate::migrate(&migrator, &ours, &NoHooks, &settings).await.unwrap();
    assert!(outcome.applied.is_empty(), "and yet the release before can start");
    let heard = heard.lock().unwrap().join("\n");
    assert!(heard.contains("20260103_0000_more.sql") && heard.contains("division by zero"), "{heard}");
}

#[tokio::test]
async fn an_applied_file_keeps_its_name() {
    let (migrator, _) = database().await;
    apply(&migrator, &files(&[TABLE, ROWS])).await.unwrap();
    let renamed = files(&[TABLE, ("20260102_0000_lines.sql", ROWS.1)]);
    let refused = refusal(&migrator, &renamed).await;
    assert!(refused.contains("20260102_0000_lines.sql was applied as 20260102_0000_rows.sql"), "{refused}");
    let told = status(&migrator, &renamed, Release::ours()).await.unwrap();
    let applied = "20260102_0000_rows.sql".to_owned();
    assert!(!told.is_current() && told.migrations[1].state == State::Renamed { applied });
}

#[tokio::test]
async fn a_file_that_is_gone_from_its_folder_is_no_newer_release() {
    let (migrator, _) = database().await;
    apply(&migrator, &files(&[TABLE, ROWS])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(TABLE.0), TABLE.1).unwrap();
    let refused = refusal(&migrator, &Migrations::read(folder.path()).unwrap()).await;
    let path = folder.path().display().to_string();
    assert!(refused.contains("20260102_0000_rows.sql") && refused.contains(&path), "{refused}");
    assert!(!refused.contains("newer"), "{refused}");
    let nowhere = folder.path().join("nowhere");
    let refused = Migrations::read(&nowhere).unwrap_err().to_string();
    assert!(refused.contains(&nowhere.display().to_string()), "{refused}");
    let misnamed = folder.path().join("1.sql");
    std::fs::write(&misnamed, "select 1;").unwrap();
    let refused = Migrations::read(folder.path()).unwrap_err().to_string();
    assert!(refused.contains(&misnamed.display().to_string()), "{refused}");
}

#[tokio::test]
async fn a_failed_file_that_was_withdrawn_is_rolled_back() {
    let (migrator, _) = database().await;
    let broken = ("20260103_0000_more.sql", "-- nexo:no-transaction\nselect 1;\nselect 1 / 0;");
    refusal(&migrator, &files(&[TABLE, ROWS, broken])).await;
    let ours = files(&[TABLE, ROWS]);
    let version = "20260103_0000".parse().unwrap();
    let told = standing(&migrator, &ours, &version).await.unwrap();
    assert_eq!((told.file.as_str(), told.state.as_str()), (broken.0, "failed"));
    let refused = resolve(&migrator, &ours, &version, Verdict::Applied, BECAUSE, &hasty()).await.unwrap_err();
    assert!(refused.to_string().contains("give --rolled-back"), "{refused}");
    resolve(&migrator, &ours, &version, Verdict::RolledBack, BECAUSE, &hasty()).await.unwrap();
    assert!(status(&migrator, &ours, Release::ours()).await.unwrap().is_current());
    assert!(apply(&migrator, &ours).await.unwrap().applied.is_empty(), "and the history is whole");
    let again = standing(&migrator, &ours, &version).await.unwrap_err();
    assert!(again.to_string().contains("there is no migration"), "{again}");
}

#[tokio::test]
async fn a_file_that_always_fails_is_taken_back_after_it_was_noted_as_applied() {
    let (migrator, _) = database().await;
    let (scratch, _) = database().await;
    let broken = ("20260103_0000_more.sql", "-- nexo:no-transaction\nselect 1;\nselect 1 / 0;");
    let all = files(&[TABLE, ROWS, broken]);
    let version = "20260103_0000".parse().unwrap();
    refusal(&migrator, &all).await;
    resolve(&migrator, &all, &version, Verdict::Applied, BECAUSE, &hasty()).await.unwrap();
    let refused = diff(&migrator, &all, &scratch).await.unwrap_err().to_string();
    assert!(refused.contains("division by zero") && refused.contains("--rolled-back"), "{refused}");
    resolve(&migrator, &all, &version, Verdict::RolledBack, BECAUSE, &hasty()).await.unwrap();
    let right = ("20260103_0000_more.sql", "create table app.more (id int);");
    let all = files(&[TABLE, ROWS, right]);
    assert_eq!(apply(&migrator, &all).await.unwrap().applied.len(), 1);
    let (scratch, _) = database().await;
    assert!(diff(&migrator, &all, &scratch).await.unwrap().differences.is_empty());
}
