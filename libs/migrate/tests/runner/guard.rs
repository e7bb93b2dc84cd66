//! Statements that must not change the runner's session state, in any disguise.

use migrate::{Migrations, NoHooks, migrate};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::{
    TABLE, apply, database, database_of, files, hasty, one, own_cluster, refusal, try_files,
};

#[tokio::test]
async fn what_is_the_runners_own_must_stay_so() {
    for (statement, told) in [
        ("do $$ begin perform pg_advisory_unlock_all(); end $$", "lock"),
        ("select set_config('role', 'nexo_owner', true)", "role"),
        ("do $$ begin execute 'set local role nexo_owner'; end $$", "role"),
        ("select set_config('search_path', 'app', true)", "search_path"),
        ("set local lock_timeout = 0", "lock_timeout"),
        ("set local row_security = off", "row_security"),
        ("set transaction read only", "transaction_read_only"),
    ] {
        let (migrator, superuser) = database().await;
        let text =
            format!("insert into app.things values (1);\n{statement};\ninsert into app.things values (2);");
        let refused = refusal(&migrator, &files(&[TABLE, ("20260102_0000_rows.sql", &text)])).await;
        assert!(
            refused.contains("line 2") && refused.contains(&format!("changed the {told} of")),
            "{statement}: {refused}"
        );
        assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 0, "{statement}");
    }
}

#[tokio::test]
async fn a_file_without_transaction_is_guarded_too() {
    let (migrator, superuser) = database().await;
    for (statement, told) in [
        ("do $$ begin perform pg_advisory_unlock_all(); end $$", "lock"),
        ("do $$ begin execute 'set role nexo_owner'; end $$", "role"),
        ("do $$ begin execute 'set search_path = app'; end $$", "search_path"),
    ] {
        let text = format!("-- nexo:no-transaction\n{statement};\ninsert into app.things values (2);");
        let refused = refusal(&migrator, &files(&[TABLE, ("20260102_0000_rows.sql", &text)])).await;
        assert!(refused.contains(told), "{statement}: {refused}");
        assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 0, "{statement}");
        let state =
            "select state || ' ' || statement from ops.migration_history where version = '20260102_0000'";
        assert_eq!(one::<String>(&superuser, state).await, "failed 1");
        let (_, resolved) =
            (0, resolve(&migrator, &files(&[TABLE, ("20260102_0000_rows.sql", &text)])).await);
        resolved.unwrap();
    }
}

/// Asserts that an operator has to decide, because the statement may have been applied partially.
async fn resolve(
    migrator: &sqlx::postgres::PgConnectOptions,
    all: &Migrations,
) -> Result<(), migrate::Error> {
    let refused = refusal(migrator, all).await;
    assert!(refused.contains("nexo db resolve 20260102_0000"), "{refused}");
    let decision = migrate::ResolvedBy { actor: "ana", reason: "it did nothing" };
    let version = "20260102_0000".parse().unwrap();
    migrate::resolve(migrator, all, &version, migrate::Verdict::RolledBack, decision, &hasty()).await
}

#[tokio::test]
async fn a_file_cannot_begin_commit_change_roles_or_unlock() {
    for bad in [
        "commit",
        "begin",
        "rollback",
        "end",
        "savepoint a",
        "set role nexo_owner",
        "SET SESSION AUTHORIZATION nexo_owner",
        "select pg_advisory_unlock(1)",
        "select pg_advisory_unlock_all()",
        "\\connect other",
        "copy app.things from stdin",
    ] {
        let refused = try_files(&[TABLE, ("20260102_0000_bad.sql", &format!("select 1;\n{bad};"))]);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("20260102_0000_bad.sql") && refused.contains("line 2"), "{bad}: {refused}");
    }
}

#[tokio::test]
async fn a_standby_is_not_migrated() {
    let mut cluster = own_cluster(&[]).await;
    let (migrator, _) = database_of(&cluster).await;
    apply(&migrator, &files(&[TABLE])).await.unwrap();
    cluster.crash().await.unwrap();
    std::fs::write(cluster.folder().join("data/standby.signal"), "").unwrap();
    cluster.start_again().await.unwrap();
    let refused = migrate(&migrator, &files(&[TABLE]), &NoHooks, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("standby"), "{refused}");
}

#[tokio::test]
async fn an_operator_at_work_is_not_disturbed() {
    let (migrator, superuser) = database().await;
    let mut conn = PgConnection::connect_with(&superuser).await.unwrap();
    conn.execute("begin; create table public.mine (id int)").await.unwrap();
    apply(&migrator, &files(&[TABLE])).await.unwrap();
    conn.execute("commit").await.unwrap();
}
