//! Scheduling of import jobs, leases, and recovery from crashed workers.

use std::time::Duration;

use http::{Method, StatusCode};
use jobs::{JobSettings, Workers};
use serde_json::{Value, json};
use sqlx::Row as _;
use testkit::{TestContext, TestUser};

use super::{Site, all, counts, errors, path, planned, same, seen, uploaded, worker};
use crate::{nexo, on};

fn lines(count: usize) -> String {
    let lines = (1..=count).map(|n| format!("B-{n},Client {n}\n"));
    format!("tax_id,name\n{}", lines.collect::<String>())
}

async fn started(person: &TestUser, text: String) -> Value {
    let import = uploaded(person, "clients", text).await;
    planned(person, &import, json!({ "mode": "create", "mapping": same(&["tax_id", "name"]) })).await;
    post(person, &import, "start").await
}

async fn post(person: &TestUser, import: &Value, what: &str) -> Value {
    person
        .send(Method::POST, &format!("{}/{what}", path(import)), None, None)
        .await
        .expect(StatusCode::ACCEPTED)
}

/// Installs a trigger: with more than `after` clients, statements on them wait for a lock held by the test.
async fn gate(site: &Site, after: usize) -> sqlx::PgConnection {
    site.nexo.ground.database
        .run(&format!(
            "create function app.gate() returns trigger language plpgsql as $$ begin
                 if (select count(*) from app.clients where account_id = (select account_id from made limit 1)) > {after} then
                     perform pg_advisory_xact_lock_shared(42); end if; return null; end $$;
             grant execute on function app.gate() to nexo_app;
             create trigger gate after insert on app.clients referencing new table as made for each statement execute function app.gate()"
        ))
        .await;
    let mut holder = site.nexo.ground.database.look().await;
    sqlx::Executor::execute(&mut holder, "select pg_advisory_lock(42)").await.unwrap();
    holder
}

async fn waiting(site: &Site) {
    let mut look = site.nexo.ground.database.look().await;
    for _ in 0..500 {
        let row = sqlx::query("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            .fetch_one(&mut look)
            .await
            .unwrap();
        if row.get::<i64, _>(0) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody waits at the gate");
}

async fn open(mut holder: sqlx::PgConnection) {
    sqlx::Executor::execute(&mut holder, "select pg_advisory_unlock(42)").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_keeps_its_records_and_can_continue_or_be_undone() {
    let (site, ana) = Site::set().await;
    let holder = gate(&site, 500).await;
    let import = started(&ana, lines(1_600)).await;
    let work = tokio::spawn({
        let worker = site.worker.clone();
        async move { worker.work_once().await.unwrap() }
    });
    waiting(&site).await;
    let cancel = tokio::spawn({
        let (ana, import) = (ana.clone(), import.clone());
        async move { post(&ana, &import, "cancel").await }
    });
    open(holder).await;
    cancel.await.unwrap();
    work.await.unwrap();
    site.work().await;
    let left = seen(&ana, &import).await;
    let created = counts(&left["done"]).0;
    assert_eq!((&left["status"], &left["job"]["status"]), (&json!("cancelled"), &json!("cancelled")));
    assert!((499..1_600).contains(&created), "{created}");
    assert_eq!(
        i64::try_from(all(&ana, "clients").await.len()).unwrap(),
        created,
        "what is told is what is in"
    );
    let went_on = site.run(&ana, &import, "start").await;
    assert_eq!((&went_on["status"], counts(&went_on["done"])), (&json!("done"), (1_600, 0, 0, 0)));
    assert_eq!(all(&ana, "clients").await.len(), 1_600);
    let undone = site.run(&ana, &import, "undo").await;
    assert_eq!(undone["undone"]["removed"], 1_600);
    assert_eq!(all(&ana, "clients").await, [json!(null); 0]);
    let answer = ana.send(Method::DELETE, &path(&import), Some(&undone["version"]), None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(ana.get(&path(&import)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_an_expired_lease_cannot_continue_its_job() {
    let (site, ana) = Site::set().await;
    let import = started(&ana, lines(2_000)).await;
    let holder = gate(&site, 500).await;
    let slow = worker(&site.nexo, Duration::from_secs(1));
    let late = tokio::spawn(async move { slow.work_once().await });
    waiting(&site).await;
    until_a_job(&site, "claimed_until < now()").await;
    // The lease has expired while the transaction is still open: another worker takes the job and repeats its rows.
    let rival = worker(&site.nexo, Duration::from_secs(60));
    let taken = tokio::spawn(async move { rival.work_once().await });
    until_a_job(&site, "claimed_until > now() + interval '30 seconds'").await;
    open(holder).await;
    late.await.unwrap().unwrap();
    taken.await.unwrap().unwrap();
    site.nexo.ground.database.run("update app.jobs set due_at = now(), claimed_until = null").await;
    site.work().await;
    let done = seen(&ana, &import).await;
    assert_eq!((&done["status"], counts(&done["done"])), (&json!("done"), (2_000, 0, 0, 0)));
    assert_eq!(all(&ana, "clients").await.len(), 2_000, "none twice, none missing");
    assert_eq!(count(&site, "select count(*) from app.audit_log where resource = 'client'").await, 2_000);
}

/// Waits until there is a job that meets the condition.
async fn until_a_job(site: &Site, condition: &str) {
    let question = format!("select count(*) from app.jobs where {condition}");
    for _ in 0..1_500 {
        if count(site, &question).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no job has {condition}");
}

async fn count(site: &Site, question: &str) -> i64 {
    let mut look = site.nexo.ground.database.look().await;
    sqlx::query(sqlx::AssertSqlSafe(question.to_owned())).fetch_one(&mut look).await.unwrap().get(0)
}

#[tokio::test]
async fn an_abandoned_job_is_resumed_after_its_lease() {
    let (site, ana) = Site::set().await;
    let import = started(&ana, lines(700)).await;
    let hold = "update app.jobs set claimed_by = gen_random_uuid(), claimed_until = now() + interval '1 hour', attempts = 1";
    site.nexo.ground.database.run(hold).await;
    site.work().await;
    assert_eq!(seen(&ana, &import).await["status"], "running", "somebody else has it");
    site.nexo.ground.database.run("update app.jobs set claimed_until = now() - interval '1 second'").await;
    site.work().await;
    assert_eq!(counts(&seen(&ana, &import).await["done"]).0, 700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_do_no_line_twice() {
    let site = Site::on(nexo().await);
    let people = [site.nexo.person(super::RIGHTS).await, site.nexo.person(super::RIGHTS).await];
    let mut imports = Vec::new();
    for person in &people {
        for part in ["x", "y"] {
            let text = lines(1_200).replace("B-", &format!("{part}-"));
            imports.push((person, started(person, text).await));
        }
    }
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let worker = worker(&site.nexo, Duration::from_secs(5));
        workers.spawn(async move { while worker.work_once().await.unwrap() {} });
    }
    workers.join_all().await;
    site.work().await;
    for (person, import) in &imports {
        assert_eq!(counts(&seen(person, import).await["done"]), (1_200, 0, 0, 0));
    }
    for person in &people {
        assert_eq!(all(person, "clients").await.len(), 2_400);
    }
}

/// A constraint that no resource knows, like one that was forgotten in the code.
#[tokio::test]
async fn one_line_that_the_database_refuses_takes_no_other_with_it() {
    let (site, ana) = Site::set().await;
    site.nexo.ground.database
        .run("alter table app.clients add constraint ck_clients_poison check (name <> 'Client 333' and name <> 'Client 777')")
        .await;
    let import = started(&ana, lines(1_100)).await;
    site.work().await;
    let done = seen(&ana, &import).await;
    assert_eq!((&done["status"], counts(&done["done"])), (&json!("done"), (1_098, 0, 0, 2)));
    let told: Vec<_> = errors(&ana, &import, "run")
        .await
        .iter()
        .map(|one| (one["line"].clone(), one["code"].clone()))
        .collect();
    assert_eq!(told, [(json!(334), json!("refused")), (json!(778), json!("refused"))]);
}

#[tokio::test]
async fn a_job_that_never_gets_on_is_given_up() {
    let (site, ana) = Site::set().await;
    // The first step of a dry run succeeds each time, and is repeated after each failure.
    site.nexo
        .ground
        .database
        .run(
            "create function app.fail() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = 'XX000'; end $$;
             grant execute on function app.fail() to nexo_app;
             create trigger fail before insert on app.clients for each row when (new.tax_id = 'B-600') execute function app.fail()",
        )
        .await;
    let import = uploaded(&ana, "clients", lines(700)).await;
    planned(&ana, &import, json!({ "mode": "create", "mapping": same(&["tax_id", "name"]) })).await;
    for (what, stands, created) in [("check", "ready", 0), ("start", "failed", 499)] {
        post(&ana, &import, what).await;
        for _ in 0..6 {
            site.nexo.ground.database.run("update app.jobs set due_at = now()").await;
            site.work().await;
        }
        let left = seen(&ana, &import).await;
        assert_eq!(
            (&left["status"], &left["job"]["problem"]),
            (&json!(stands), &json!("internal")),
            "{what}"
        );
        assert_eq!(all(&ana, "clients").await.len(), created, "{what}");
    }
    site.nexo.ground.database.run("drop trigger fail on app.clients").await;
    let went_on = site.run(&ana, &import, "start").await;
    assert_eq!(counts(&went_on["done"]).0, 700, "and may be started again");
    assert_eq!(all(&ana, "clients").await.len(), 700);
}

#[tokio::test]
async fn a_job_of_an_unknown_kind_waits_for_a_process_that_knows_it() {
    let (site, ana) = Site::set().await;
    let import = started(&ana, lines(3)).await;
    let set = |kind: &str| format!("update app.jobs set kind = '{kind}'");
    site.nexo.ground.database.run(&set("import-later")).await;
    assert!(!site.worker.work_once().await.unwrap());
    assert_eq!(count(&site, "select count(*) from app.jobs where status = 'due' and attempts = 0").await, 1);
    site.nexo.ground.database.run(&set("import-run")).await;
    site.work().await;
    assert_eq!(seen(&ana, &import).await["status"], "done");
}

#[tokio::test]
async fn a_suspended_account_has_no_work_done() {
    let (site, ana) = Site::set().await;
    let import = started(&ana, lines(3)).await;
    let set = |status: &str| format!("update app.account_directory set status = '{status}'");
    site.nexo.ground.database.run(&set("suspended")).await;
    site.work().await;
    assert_eq!(seen(&ana, &import).await["status"], "running");
    site.nexo.ground.database.run(&set("active")).await;
    site.work().await;
    assert_eq!(seen(&ana, &import).await["status"], "done");
}

/// Jobs and requests share a database with few connections.
#[tokio::test(flavor = "multi_thread")]
async fn workers_stop_between_two_parts() {
    let few = [("NEXO_DATABASE_CONNECTIONS", "3")];
    let site =
        Site::on(on(TestContext::with_settings(testkit::Database::migrated().await, "nexo_app", &few).await));
    let ana = site.nexo.person(super::RIGHTS).await;
    let import = started(&ana, lines(1_500)).await;
    let settings = JobSettings { workers: 2, lease: Duration::from_secs(60) };
    let workers = Workers::start(&site.nexo.ground.db, settings, crm_service::jobs());
    while seen(&ana, &import).await["job"]["done"] == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    workers.stop().await;
    site.work().await; // the lease was released
    assert_eq!(counts(&seen(&ana, &import).await["done"]), (1_500, 0, 0, 0));
}

/// Three imports of one account run one at a time, without delaying a one-line import of another account.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_take_turns_however_many_jobs_each_has() {
    let (site, ana) = Site::set().await;
    let ben = site.nexo.person(super::RIGHTS).await;
    let mapping = || json!({ "mode": "create", "mapping": same(&["tax_id", "name"]) });
    let mut many = Vec::new();
    for _ in 0..3 {
        let import = uploaded(&ana, "clients", lines(20_000)).await;
        planned(&ana, &import, mapping()).await;
        post(&ana, &import, "check").await;
        many.push(import);
    }
    let settings = JobSettings { workers: 2, lease: Duration::from_secs(60) };
    let workers = Workers::start(&site.nexo.ground.db, settings, crm_service::jobs());
    let held = "select count(*) from app.jobs where claimed_until > now()";
    while count(&site, held).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for turn in 0..3 {
        let one = uploaded(&ben, "clients", format!("tax_id,name\nC-{turn},Ben\n")).await;
        planned(&ben, &one, mapping()).await;
        post(&ben, &one, "check").await;
        while seen(&ben, &one).await["status"] != "checked" {
            let held = format!("{held} and account_id = '{}'", ana.account);
            assert!(count(&site, &held).await <= 1, "one of an account is worked at");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for import in &many {
            assert_eq!(seen(&ana, import).await["status"], "checking", "all of these take longer");
        }
    }
    workers.stop().await;
}

#[tokio::test]
async fn an_account_that_was_served_comes_after_one_that_was_not() {
    let (site, ana) = Site::set().await;
    let ben = site.nexo.person(super::RIGHTS).await;
    let first = started(&ana, lines(1)).await;
    for _ in 0..2 {
        started(&ana, lines(1)).await;
    }
    let last = started(&ben, lines(1)).await;
    site.nexo.ground.database.run("update app.jobs set served_at = now() where subject_id = (select id from app.imports order by created_at limit 1)").await;
    assert!(site.worker.work_once().await.unwrap());
    assert_eq!(seen(&ben, &last).await["status"], "done");
    assert_eq!(seen(&ana, &first).await["status"], "running");
}

#[tokio::test]
async fn an_account_has_no_more_than_twenty_jobs_at_hand() {
    let (site, ana) = Site::set().await;
    started(&ana, lines(1)).await;
    let more = "insert into app.jobs (account_id, id, kind, subject_id, total, permissions, hidden_fields, request_id, created_by)
        select account_id, gen_random_uuid(), kind, gen_random_uuid(), total, permissions, hidden_fields, request_id, created_by
        from app.jobs, generate_series(1, 19)";
    site.nexo.ground.database.run(more).await;
    let import = uploaded(&ana, "clients", lines(1)).await;
    planned(&ana, &import, json!({ "mode": "create", "mapping": same(&["tax_id", "name"]) })).await;
    let refused = ana.send(Method::POST, &format!("{}/check", path(&import)), None, None).await;
    assert_eq!(refused.expect(StatusCode::CONFLICT)["code"], "import-too-many-jobs");
}
