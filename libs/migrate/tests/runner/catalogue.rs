//! Comparison of the live catalogue with the migrations.

use migrate::{Error, Migrations, NoHooks, RunOptions, baseline, diff, migrate};
use sqlx::postgres::PgConnectOptions;

use crate::support::{apply, database, hasty, one, run};

async fn ours() -> (PgConnectOptions, PgConnectOptions, Migrations) {
    let (migrator, superuser) = database().await;
    let embedded = Migrations::embedded().unwrap();
    migrate(&migrator, &embedded, &NoHooks, &RunOptions::default()).await.unwrap();
    (migrator, superuser, embedded)
}

#[tokio::test]
async fn every_kind_of_drift_is_seen() {
    let (migrator, superuser, embedded) = ours().await;
    let (scratch, _) = database().await;
    let drift = diff(&migrator, &embedded, &scratch).await.unwrap();
    assert!(drift.differences.is_empty(), "{:#?}", drift.differences);
    for (change, seen) in [
        ("create table app.extra (id int)", "+ table app.extra"),
        ("drop table app.extra; alter table app.clients add column extra int", "+ column app.clients.extra"),
        (
            "alter table app.clients drop column extra, alter column rating type bigint",
            "~ column app.clients.rating",
        ),
        (
            "alter table app.clients alter column rating type int, drop constraint ck_clients_rating",
            "- constraint app.clients.ck_clients_rating",
        ),
        ("drop index app.ix_clients_name", "- index app.ix_clients_name"),
        ("create index ix_clients_extra on app.clients (account_id)", "+ index app.ix_clients_extra"),
        ("drop policy app_rw on app.clients", "- policy app_rw on app.clients"),
        ("alter table app.roles no force row level security", "~ table app.roles"),
        ("grant select on app.sessions to nexo_app", "~ table app.sessions"),
        ("grant select (email) on app.users to nexo_app", "~ column app.users.email"),
        ("alter function app.whoami() owner to nexo_owner", "~ function app.whoami()"),
        ("alter table app.outbox alter column payload set default '{}'", "~ column app.outbox.payload"),
        ("create schema other", "+ schema other"),
        ("create view app.v as select 1", "+ view app.v"),
        ("create function app.f() returns int language sql return 1", "+ function app.f()"),
        (
            "create trigger t before insert on app.roles for each row execute function suppress_redundant_updates_trigger()",
            "+ trigger t on app.roles",
        ),
        ("delete from ops.table_kinds where table_name = 'app.clients'", "- kind app.clients"),
        (
            "alter table app_parts.audit_log_rest disable row level security",
            "~ table app_parts.audit_log_rest",
        ),
    ] {
        run(&superuser, change).await;
        let drift = diff(&migrator, &embedded, &scratch).await.unwrap();
        let lines: Vec<String> = drift.differences.iter().map(ToString::to_string).collect();
        assert!(lines.iter().any(|line| line.starts_with(seen)), "{change}: {lines:#?}");
    }
}

async fn without_history() -> (PgConnectOptions, PgConnectOptions, Migrations) {
    let (migrator, superuser, embedded) = ours().await;
    run(&superuser, "drop table ops.migration_history").await;
    (migrator, superuser, embedded)
}

#[tokio::test]
async fn a_database_is_adopted_only_if_it_is_the_same() {
    let latest = Migrations::embedded().unwrap().latest().unwrap().clone();
    for (change, undo, seen) in [
        (
            "create index ix_extra on app.clients (account_id)",
            "drop index app.ix_extra",
            "+ index app.ix_extra",
        ),
        (
            "create policy extra on app.clients to nexo_app using (true)",
            "drop policy extra on app.clients",
            "+ policy extra on app.clients",
        ),
    ] {
        let (migrator, superuser, embedded) = without_history().await;
        let (scratch, _) = database().await;
        run(&superuser, change).await;
        let refused = baseline(&migrator, &embedded, &latest, &scratch, "ana", &hasty()).await.unwrap_err();
        assert!(
            matches!(&refused, Error::Differs { differences, .. } if differences.len() == 1),
            "{refused}"
        );
        assert!(refused.to_string().contains(seen), "{refused}");
        assert!(
            one::<bool>(&superuser, "select to_regclass('ops.migration_history') is null").await,
            "nothing is left"
        );
        run(&superuser, undo).await;
        let adopted = baseline(&migrator, &embedded, &latest, &scratch, "ana", &hasty()).await.unwrap();
        assert_eq!(adopted, embedded.iter().count());
        assert!(apply(&migrator, &embedded).await.unwrap().applied.is_empty());
        let again = baseline(&migrator, &embedded, &latest, &scratch, "ana", &hasty()).await.unwrap_err();
        assert!(matches!(again, Error::HasHistory(_)), "{again}");
    }
}

#[tokio::test]
async fn a_history_with_nothing_applied_does_not_prevent_an_adoption() {
    let latest = Migrations::embedded().unwrap().latest().unwrap().clone();
    let (migrator, superuser, embedded) = ours().await;
    let failed = "delete from ops.migration_history where without_transaction; update ops.migration_history set state = 'failed'";
    run(&superuser, failed).await;
    let refused = apply(&migrator, &embedded).await.unwrap_err().to_string();
    assert!(refused.contains("nexo db baseline"), "{refused}");
    let (scratch, _) = database().await;
    baseline(&migrator, &embedded, &latest, &scratch, "ana", &hasty()).await.unwrap();
    assert!(apply(&migrator, &embedded).await.unwrap().applied.is_empty());
}

#[tokio::test]
async fn a_database_that_is_behind_is_adopted_where_it_is() {
    let embedded = Migrations::embedded().unwrap();
    let versions: Vec<_> = embedded.iter().map(|migration| migration.version.clone()).collect();
    let (migrator, superuser) = database().await;
    apply(&migrator, &embedded.up_to(&versions[2])).await.unwrap();
    run(&superuser, "drop table ops.migration_history").await;
    let (scratch, _) = database().await;
    let refused = baseline(&migrator, &embedded, &versions[3], &scratch, "ana", &hasty()).await;
    assert!(matches!(refused, Err(Error::Differs { .. })));
    let refused = apply(&migrator, &embedded).await.unwrap_err().to_string();
    assert!(refused.contains("nexo db baseline"), "{refused}");
    assert!(one::<bool>(&superuser, "select to_regclass('ops.migration_history') is null").await);
    let (scratch, _) = database().await;
    baseline(&migrator, &embedded, &versions[2], &scratch, "ana", &hasty()).await.unwrap();
    assert_eq!(apply(&migrator, &embedded).await.unwrap().applied, versions[3..]);
}
