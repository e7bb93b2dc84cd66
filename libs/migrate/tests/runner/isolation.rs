//! No file may add a breach of isolation, neither up nor down.

use migrate::{
    Breach, Error, Migration, Migrations, NoHooks, ResolvedBy, RunOptions, Version, examine, migrate,
    rollback, verify_isolation,
};
use sqlx::postgres::PgConnectOptions;

use crate::support::{database, hasty, one, run};

const OPEN: &str =
    "create table app.open (account_id uuid not null, id uuid not null, primary key (account_id, id));
    grant select on app.open to nexo_app;";
const VERSION: &str = "20990101_0000";

/// Creates a database with the embedded migrations.
async fn ours() -> (PgConnectOptions, PgConnectOptions) {
    let (migrator, superuser) = database().await;
    migrate(&migrator, &Migrations::embedded().unwrap(), &NoHooks, &RunOptions::default()).await.unwrap();
    (migrator, superuser)
}

/// Embedded migrations and one more, with a down file unless `down` is empty.
fn with(up: &str, down: &str) -> Migrations {
    let embedded = Migrations::embedded().unwrap();
    let bytes = |one: &Migration| (one.file().to_owned(), one.up.text.clone().into_bytes());
    let pair = [(format!("{VERSION}_more.sql"), up), (format!("{VERSION}_more.down.sql"), down)];
    let more = pair.into_iter().filter(|(_, text)| !text.is_empty());
    let more = more.map(|(name, text)| (name, text.as_bytes().to_vec()));
    Migrations::from_files(embedded.iter().map(bytes).chain(more)).unwrap()
}

fn rules(refused: &Error) -> Vec<String> {
    let Error::Breaks(broken) = refused else { panic!("{refused}") };
    broken.breaches.iter().map(|Breach { rule, object }| format!("{object}: {rule}")).collect()
}

async fn version(migrator: &PgConnectOptions) -> Option<String> {
    let stands = "select max(version) from ops.migration_history where success";
    one(migrator, stands).await
}

#[tokio::test]
async fn a_file_that_opens_a_hole_is_taken_back_as_a_whole() {
    let (migrator, superuser) = ours().await;
    let refused = migrate(&migrator, &with(OPEN, ""), &NoHooks, &hasty()).await.unwrap_err();
    let found = rules(&refused);
    assert!(found.contains(&"app.open: row security is not enabled".to_owned()), "{found:?}");
    assert!(refused.to_string().contains("Nothing of this file is kept"), "{refused}");
    assert!(one::<bool>(&superuser, "select to_regclass('app.open') is null").await);
    assert_ne!(version(&migrator).await.as_deref(), Some(VERSION));
    let kept =
        "select state || ' ' || error_message from ops.migration_history where version = '20990101_0000'";
    let kept: String = one(&superuser, kept).await;
    assert!(kept.starts_with("failed") && kept.contains("app.open"), "{kept}");
    let right = with(&format!("{OPEN} call ops.protect_tenant_table('app.open');"), "");
    migrate(&migrator, &right, &NoHooks, &hasty()).await.unwrap();
    assert_eq!(verify_isolation(&migrator).await.unwrap(), []);
}

#[tokio::test]
async fn each_statement_outside_of_a_transaction_is_looked_at() {
    let (migrator, superuser) = ours().await;
    let table = "select to_regclass('app.open') is null";
    let index = "select to_regclass('app.ix_clients_rating') is null";
    let bypass = "select not relforcerowsecurity from pg_class where oid = 'app.clients'::regclass";
    for (statement, there, wanted) in [
        (OPEN, table, true),
        ("create index concurrently ix_clients_rating on app.clients (rating);", index, true),
        ("do $$ begin alter table app.clients no force row level security; commit; end $$;", bypass, true),
    ] {
        let (migrator, superuser) =
            if statement.starts_with("do") { ours().await } else { (migrator.clone(), superuser.clone()) };
        let all = with(&format!("-- nexo:no-transaction\nselect 1;\n{statement}"), "");
        let refused = migrate(&migrator, &all, &NoHooks, &hasty()).await.unwrap_err();
        assert!(!rules(&refused).is_empty(), "{refused}");
        assert_eq!(one::<bool>(&superuser, there).await, wanted, "{statement}");
        assert!(refused.to_string().contains("statement 2"), "{refused}");
        run(&superuser, "delete from ops.migration_history where version = '20990101_0000'").await;
        let head = "do $$ begin execute format('comment on table ops.migration_history is %L', 'head ' ||
            (select link from ops.migration_history order by version desc limit 1)); end $$";
        run(&superuser, head).await;
    }
}

#[tokio::test]
async fn an_older_breach_is_reported_and_blocks_no_migration() {
    let (migrator, superuser) = ours().await;
    run(&superuser, "alter table app.roles no force row level security").await;
    let good = with("alter table app.clients add column shade text;", "");
    migrate(&migrator, &good, &NoHooks, &hasty()).await.unwrap();
    let problems = examine(&migrator, &good, None).await.unwrap().problems();
    assert_eq!(problems, ["app.roles: row security is not forced"]);
}

#[tokio::test]
async fn a_way_back_that_opens_a_hole_is_refused() {
    let (migrator, _) = ours().await;
    let reason = ResolvedBy { actor: "ana", reason: "the release is withdrawn" };
    let newest: Version = version(&migrator).await.unwrap().parse().unwrap();
    let up = "alter table app.clients add column shade text;";
    let hole = "alter table app.clients drop column shade, no force row level security;";
    let all = with(up, hole);
    migrate(&migrator, &all, &NoHooks, &hasty()).await.unwrap();
    let refused = rollback(&migrator, &all, &newest, &NoHooks, reason, &hasty()).await.unwrap_err();
    assert_eq!(rules(&refused), ["app.clients: row security is not forced"]);
    assert_eq!(version(&migrator).await.as_deref(), Some(VERSION));
    let right = with(up, "alter table app.clients drop column shade;");
    rollback(&migrator, &right, &newest, &NoHooks, reason, &hasty()).await.unwrap();
    let (scratch, _) = database().await;
    let examined = examine(&migrator, &right, Some(&scratch)).await.unwrap();
    assert_eq!(examined.problems(), [""; 0]);
}

#[tokio::test]
async fn a_database_that_is_made_with_a_hole_is_not_used() {
    let (migrator, _) = database().await;
    let refused = migrate(&migrator, &with(OPEN, ""), &NoHooks, &hasty()).await.unwrap_err();
    assert!(matches!(&refused, Error::Unsound(_)) && refused.to_string().contains("app.open"), "{refused}");
}

/// On a database in use each file is checked; a new database is checked once, at the end.
#[tokio::test]
async fn no_file_of_our_own_history_brings_a_breach() {
    let (migrator, _) = database().await;
    let embedded = Migrations::embedded().unwrap();
    let first = embedded.iter().next().map(|migration| migration.version.clone());
    for to in [first, None] {
        migrate(&migrator, &embedded, &NoHooks, &RunOptions { to, ..RunOptions::default() }).await.unwrap();
    }
    assert_eq!(verify_isolation(&migrator).await.unwrap(), []);
}

#[tokio::test]
async fn a_kind_without_a_table_does_not_keep_a_service_down() {
    let (migrator, superuser) = ours().await;
    run(&superuser, "insert into ops.table_kinds values ('app.gone', 'tenant')").await;
    assert_eq!(verify_isolation(&migrator).await.unwrap(), []);
    let all = Migrations::embedded().unwrap();
    let (scratch, _) = database().await;
    let problems = examine(&migrator, &all, Some(&scratch)).await.unwrap().problems();
    assert_eq!(problems, ["+ kind app.gone is in no migration: tenant"]);
    run(&migrator, "call ops.unprotect_table('app.gone')").await;
    assert_eq!(
        one::<i64>(&superuser, "select count(*) from ops.table_kinds where table_name = 'app.gone'").await,
        0
    );
}
