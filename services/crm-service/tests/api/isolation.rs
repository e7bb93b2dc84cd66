//! Tenant isolation: careless statements, a busy pool and a broken schema reveal nothing of other accounts.

use std::{collections::BTreeMap, time::Duration};

use crm_service::clients::Client;
use db::{Db, TenantQuery};
use http::StatusCode;
use migrate::NoHooks;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use testkit::{Database, TestContext, TestResponse};
use uuid::Uuid;

use crate::{ALL, nexo, on};

const CARELESS: TenantQuery = TenantQuery::new("select id from app.clients where account_id = $1 or true");

#[tokio::test]
async fn a_careless_statement_sees_its_own_account_only() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    for person in [&ana, &ben, &ben] {
        person.post("/clients", json!({ "name": "Acme" })).await.expect(StatusCode::CREATED);
    }
    for (person, expected) in [(ana, 1), (ben, 2)] {
        let who = nexo.ground.verifier.verify(&person.token, Uuid::nil()).await.unwrap();
        let mut tx = nexo.ground.db.begin(&who).await.unwrap();
        assert_eq!(tx.read::<(Uuid,)>(CARELESS).all().await.unwrap().len(), expected);
    }
}

/// 200 requests of two accounts share two connections; a third of them is cancelled at a random moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_row_crosses_over_a_busy_pool() {
    // On a busy machine some requests are rejected as overload.
    let is_answered = |answer: &TestResponse| {
        ![StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status)
    };
    let two = [("NEXO_DATABASE_CONNECTIONS", "2")];
    let nexo = on(TestContext::with_settings(Database::migrated().await, "nexo_app", &two).await);
    let people = [nexo.person(ALL).await, nexo.person(ALL).await];
    for (at, person) in people.iter().enumerate() {
        for _ in 0..10 {
            person.post("/clients", json!({ "name": format!("of {at}") })).await.expect(StatusCode::CREATED);
        }
    }
    let mut requests = tokio::task::JoinSet::new();
    for at in 0..200 {
        let person = people[at % 2].clone();
        requests.spawn(async move {
            let patience = if at % 3 == 0 {
                Duration::from_micros(Uuid::new_v4().as_u64_pair().0 % 3_000)
            } else {
                Duration::from_secs(20)
            };
            if at % 5 == 0 {
                let write = person.post("/clients", json!({ "name": format!("of {}", at % 2) }));
                let made = tokio::time::timeout(patience, write).await.ok().filter(is_answered);
                return (at % 2, made.map(|made| json!([made.expect(StatusCode::CREATED)])));
            }
            let read = person.get("/clients?limit=200");
            let page = tokio::time::timeout(patience, read).await.ok().filter(is_answered);
            (at % 2, page.map(|page| page.expect(StatusCode::OK)["data"].clone()))
        });
    }
    let mut answered = BTreeMap::new();
    for (whose, rows) in requests.join_all().await {
        let Some(rows) = rows else { continue };
        *answered.entry(whose).or_insert(0) += 1;
        for row in rows.as_array().unwrap() {
            assert_eq!(row["name"], format!("of {whose}"), "a row crossed");
        }
    }
    assert!(answered.values().all(|count| *count > 30), "{answered:?}");
    // The pool survives the cancelled requests.
    for person in &people {
        person.get("/clients").await.expect(StatusCode::OK);
    }
}

const SETTINGS: TenantQuery = TenantQuery::new(
    "select current_setting('app.current_account_id'), current_setting('app.current_user_id'),
            current_setting('app.current_request_id') where $1::uuid is not null",
);

#[tokio::test]
async fn a_transaction_is_for_its_caller_however_it_was_entered() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let request = Uuid::now_v7();
    let who = nexo.ground.verifier.verify(&ana.token, request).await.unwrap();
    let mut tx = nexo.ground.db.begin(&who).await.unwrap();
    let wanted = (ana.account.to_string(), ana.user.to_string(), request.to_string());
    assert_eq!(tx.read(SETTINGS).optional().await.unwrap().as_ref(), Some(&wanted));
    tx.impersonate(ana.user);
    assert_eq!(tx.read(SETTINGS).optional().await.unwrap(), Some(wanted));
}

/// Two clients with the same tax id in one transaction: the second insert fails, and the code ignores the error.
#[tokio::test]
async fn what_follows_a_refused_statement_cannot_be_committed() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let who = nexo.ground.verifier.verify(&ana.token, Uuid::nil()).await.unwrap();
    let client: Client = serde_json::from_value(json!({ "name": "Acme", "tax_id": "B-1" })).unwrap();
    let mut tx = nexo.ground.db.begin(&who).await.unwrap();
    resource::insert(&mut tx, &client).await.unwrap();
    assert!(resource::insert(&mut tx, &client).await.is_err());
    assert!(matches!(tx.commit().await, Err(db::Error::TransactionAborted)));
    assert_eq!(ana.get("/clients").await.expect(StatusCode::OK)["data"], json!([]));
}

#[tokio::test]
async fn a_transaction_that_only_reads_writes_nothing_and_is_soon_ended() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let who = nexo.ground.verifier.verify(&ana.token, Uuid::nil()).await.unwrap();
    let client: Client = serde_json::from_value(json!({ "name": "Acme" })).unwrap();
    let mut tx = nexo.ground.db.begin_read_only(&who).await.unwrap();
    assert!(resource::insert(&mut tx, &client).await.is_err());
    drop(tx);
    ana.get("/clients").await.expect(StatusCode::OK);
    // `alter table` does not wait for finished readers.
    nexo.ground.database.run("set lock_timeout = '2s'; alter table app.clients add column colour text").await;
    let open = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
    let mut look = nexo.ground.database.look().await;
    let (left,): (i64,) = sqlx::query_as(open).fetch_one(&mut look).await.unwrap();
    assert_eq!(left, 0);
}

async fn refuses_to_start(breach: &str, object: &str, rule: &str) {
    let database = Database::migrated().await;
    database.run(breach).await;
    let mut env = database.env("nexo_app");
    let config = db::Config::read(&mut env);
    let told = config.open(&NoHooks).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains(object) && told.contains(rule), "{breach}\n{told}");
}

#[tokio::test]
async fn a_breached_catalogue_keeps_a_service_from_starting() {
    for (breach, object, rule) in [
        ("alter table app.clients no force row level security", "app.clients", "not forced"),
        ("alter table app.clients disable row level security", "app.clients", "not enabled"),
        ("drop policy tenant_guard on app.clients", "app.clients", "tenant_guard is missing"),
        ("drop policy app_rw on app.clients", "app.clients", "app_rw is missing"),
        ("alter policy tenant_guard on app.clients using (true)", "app.clients", "tenant_guard is missing"),
        ("create policy also on app.clients using (true)", "app.clients", "also is for PUBLIC"),
        ("create policy also on app.clients to nexo_app using (true)", "app.clients", "also is not one of the two"),
        ("alter table app.clients add column parent uuid; alter table app.users add constraint uq_users_x unique (id);
          alter table app.clients add constraint fk_clients_plain foreign key (parent) references app.account_directory (account_id)", "app.clients", "fk_clients_plain"),
        ("create unique index uq_clients_email on app.clients (email)", "app.clients", "uq_clients_email"),
        ("create index ix_clients_email on app.clients (email)", "app.clients", "ix_clients_email"),
        ("create table app.things (id uuid)", "app.things", "no kind"),
        ("grant truncate on app.clients to nexo_app", "app.clients", "TRUNCATE"),
        ("grant select on app.clients to public", "app.clients", "PUBLIC"),
        ("grant select on app.users to nexo_app", "app.users", "without account"),
        ("grant select (email) on app.users to nexo_app", "app.users", "without account"),
        ("grant usage on schema app_parts to nexo_app", "app_parts", "open to nexo_app"),
        ("grant select on app_parts.audit_log_rest to nexo_app", "app_parts.audit_log_rest", "partition is reachable"),
        ("create view app.everyone as select * from app.clients", "app.everyone", "security_invoker"),
        ("create materialized view app.kept as select * from app.clients", "app.kept", "materialized"),
        ("create function app.f() returns setof app.clients language sql security definer as 'select * from app.clients'", "app.f()", "runs as its owner"),
        ("grant execute on function app.login_lookup(text, text) to public", "app.login_lookup", "PUBLIC"),
        ("create function app.tenant() returns uuid language sql immutable as $$ select current_setting('app.current_account_id')::uuid $$", "app.tenant()", "IMMUTABLE"),
        ("alter table app.clients owner to postgres", "app.clients", "not owned"),
        ("create rule r as on update to app.clients do also select 1", "app.clients", "rule rewrites"),
        ("create sequence app.numbers", "app.numbers", "sequence"),
        ("grant create on schema app to nexo_app", "app", "may create"),
        ("grant insert on ops.table_kinds to nexo_app", "ops.table_kinds", "may write"),
    ] {
        refuses_to_start(breach, object, rule).await;
    }
}

#[tokio::test]
async fn a_service_does_not_start_as_a_role_that_sees_everything() {
    let database = Database::migrated().await;
    for role in ["nexo_migrator", "nexo_backup"] {
        let mut env = database.env(role);
        let config = db::Config::read(&mut env);
        let told = config.open(&NoHooks).await.err().map(|error| format!("{error:?}")).unwrap_or_default();
        assert!(told.contains(role) && told.contains("TooMighty"), "{told}");
    }
}

#[tokio::test]
async fn a_role_that_gained_power_is_a_breach() {
    let cluster = testkit::ephemeral(&[]).await;
    let database = Database::empty(&cluster).await;
    let mut env = database.env("nexo_app");
    let config = db::Config::read(&mut env);
    let _: Db = config.open(&NoHooks).await.unwrap();
    for (grant, take_back) in [
        ("alter role nexo_relay bypassrls", "alter role nexo_relay nobypassrls"),
        ("alter role nexo_auth createrole", "alter role nexo_auth nocreaterole"),
        ("grant nexo_auth to nexo_relay", "revoke nexo_auth from nexo_relay"),
        (
            "grant temporary on database nexo to nexo_relay",
            "revoke temporary on database nexo from nexo_relay",
        ),
        (
            "grant execute on function lo_from_bytea(oid, bytea) to public",
            "revoke execute on function lo_from_bytea(oid, bytea) from public",
        ),
    ] {
        database.run(grant).await;
        assert!(!db::verify_isolation(&database.role("nexo_app")).await.unwrap().is_empty(), "{grant}");
        database.run(take_back).await;
        assert_eq!(db::verify_isolation(&database.role("nexo_app")).await.unwrap(), vec![], "{take_back}");
    }
}

/// Large objects belong to no account, and to no table that a backup counts.
#[tokio::test]
async fn no_role_of_ours_makes_or_reads_large_objects() {
    let database = Database::migrated().await;
    database.run("select lo_from_bytea(4711, 'a secret of one account')").await;
    for role in ["nexo_app", "nexo_auth", "nexo_relay", "nexo_backup", "nexo_migrator"] {
        for statement in [
            "select lo_from_bytea(0, 'x')::text",
            "select lo_create(0)::text",
            "select lo_creat(-1)::text",
            "select lo_get(4711)::text",
            "select lo_put(4711, 0, 'x')::text",
            "select lowrite(0, 'x')::text",
            "select loread(0, 1)::text",
            "select lo_open(4711, 131072)::text",
            "select lo_unlink(4711)::text",
        ] {
            let refused = said(&database.role(role), &format!("begin read write; {statement}")).await;
            assert!(refused.contains("permission denied for function lo"), "{role} {statement}: {refused}");
        }
    }
}

#[tokio::test]
async fn backups_read_every_table_and_no_password() {
    let database = Database::migrated().await;
    let reader = database.role("nexo_backup");
    for secret in ["select rolpassword from pg_authid", "select passwd from pg_shadow"] {
        let refused = said(&reader, secret).await;
        assert!(refused.contains("permission denied"), "{secret}: {refused}");
    }
    let later = "create table app.later (n int); insert into app.later values (1)";
    assert_eq!(said(&database.role("nexo_migrator"), later).await, "");
    assert_eq!(said(&reader, "select n from app.later").await, "", "it is made after the grants");
    let unread = "select 1 / count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname in ('app', 'app_parts', 'ops') and not has_table_privilege(c.oid, 'select')";
    assert!(said(&reader, unread).await.contains("division by zero"), "there are unread tables");
    let written = said(&reader, "begin read write; delete from app.clients").await;
    assert!(written.contains("permission denied"), "{written}");
}

/// Error message of the database for these statements, if it rejects them.
async fn said(role: &PgConnectOptions, statements: &str) -> String {
    let mut conn = PgConnection::connect_with(role).await.unwrap();
    conn.execute(AssertSqlSafe(statements.to_owned()))
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}
