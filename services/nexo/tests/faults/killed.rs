//! Migrations killed by SIGKILL (`kill -9`).

use std::time::Duration;

use crate::process::{Ground, LOCKS, TABLE};

const ROWS: (&str, &str) = (
    "20260102_0000_rows.sql",
    "insert into app.things values (1); select pg_sleep(case when count(*) < 2 then 30 else 0 end) from app.things; insert into app.things values (2);",
);
const SLEEPS: &str = "select exists (select from pg_stat_activity where application_name like 'nexo-migrate%' and wait_event = 'PgSleep')";
const FREE: &str = "select count(*) = 0 from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and d.datname = current_database()";

/// Maximum time that a killed runner may hold the lock.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn in_the_middle_of_a_statement_nothing_stays_and_the_lock_is_free_soon() {
    let ground = Ground::with(&[TABLE, ROWS]).await;
    let runner = ground.start(&["migrate"]);
    ground.until(SLEEPS).await;
    assert_eq!(ground.one::<i64>(LOCKS).await, 2);
    runner.kill();
    let took = ground.until(FREE).await;
    assert!(took < SOON, "{took:?}");
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 0);
    ground.database.run("insert into app.things values (0)").await; // now it does not sleep
    let (code, said) = ground.run(&["migrate"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 3);
}

/// Delays the write to the history, so that the runner can be killed during it.
async fn slow_history(ground: &Ground) {
    ground
        .database
        .run(
            "create function ops.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return new; end $$;
             create trigger wait before insert or update on ops.migration_history for each row
             when (new.state = 'applied' and new.version = '20260102_0000') execute function ops.wait()",
        )
        .await;
}

/// Takes back [`slow_history`]: a function in `ops` that no migration made is drift.
const FAST_HISTORY: &str = "drop trigger wait on ops.migration_history; drop function ops.wait()";

#[tokio::test]
async fn between_the_last_statement_and_the_history_nothing_stays() {
    let ground = Ground::with(&[TABLE]).await;
    assert_eq!(ground.run(&["migrate"]).0, 0);
    ground.write(
        "20260102_0000_rows.sql",
        "insert into app.things values (1); insert into app.things values (2);",
    );
    slow_history(&ground).await;
    let runner = ground.start(&["migrate"]);
    ground.until(SLEEPS).await;
    runner.kill();
    ground.until(FREE).await;
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 0);
    ground.database.run(FAST_HISTORY).await;
    assert_eq!(ground.run(&["migrate"]).0, 0);
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 2);
}

#[tokio::test]
async fn the_same_without_transaction_does_nothing_twice() {
    let ground = Ground::with(&[TABLE]).await;
    assert_eq!(ground.run(&["migrate"]).0, 0);
    ground.write(
        "20260102_0000_rows.sql",
        "-- nexo:no-transaction\ninsert into app.things values (1); insert into app.things values (2);\n\
         create index concurrently ix_things on app.things (id);",
    );
    slow_history(&ground).await;
    let runner = ground.start(&["migrate"]);
    ground.until(SLEEPS).await;
    runner.kill();
    ground.until(FREE).await;
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 2, "done, and noted as done");
    let (code, said) = ground.run(&["status"]);
    assert!(code == 1 && said.contains("its process ended"), "{said}");
    ground.database.run(FAST_HISTORY).await;
    let (code, said) = ground.run(&["migrate"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 2);
}

#[tokio::test]
async fn in_the_middle_of_a_concurrent_build_the_next_run_builds_it() {
    let index = (
        "20260103_0000_index.sql",
        "-- nexo:no-transaction\ncreate index concurrently if not exists ix_things on app.things (id);",
    );
    let ground = Ground::with(&[TABLE, index]).await;
    assert_eq!(ground.run(&["migrate", "--to", "20260101_0000"]).0, 0);
    // `create index concurrently` waits for transactions that may write the table.
    let mut writer = ground.database.look().await;
    sqlx::Executor::execute(&mut writer, "begin; insert into app.things values (1)").await.unwrap();
    let runner = ground.start(&["migrate"]);
    ground.until("select exists (select from pg_index where indexrelid = to_regclass('app.ix_things') and not indisvalid)").await;
    runner.kill();
    let took = ground.until(FREE).await;
    assert!(took < SOON, "{took:?}");
    assert!(
        !ground
            .one::<bool>("select indisvalid from pg_index where indexrelid = 'app.ix_things'::regclass")
            .await
    );
    sqlx::Executor::execute(&mut writer, "commit").await.unwrap();
    let (code, said) = ground.run(&["migrate"]);
    assert!(code == 0 && said.contains("dropped app.ix_things"), "{said}");
    assert!(
        ground
            .one::<bool>("select indisvalid from pg_index where indexrelid = 'app.ix_things'::regclass")
            .await
    );
}

#[tokio::test]
async fn a_backfill_goes_on_at_the_batch_where_it_was_killed() {
    let people = (
        "20260101_0000_people.sql",
        "create schema app; create table app.people (account_id uuid, id uuid, n int, primary key (account_id, id));",
    );
    let fill = (
        "20260102_0000_fill.sql",
        "-- nexo:backfill on app.people batch 10 pause 20ms\nupdate app.people set n = 1 where account_id = $1 and id = any($2) and n is null;",
    );
    let ground = Ground::with(&[people, fill]).await;
    assert_eq!(ground.run(&["migrate"]).0, 0);
    let more = "insert into app.people select md5(a::text)::uuid, gen_random_uuid() from generate_series(1, 4) a, generate_series(1, 100)";
    ground.database.run(more).await;
    let runner = ground.start(&["backfill"]);
    ground.until("select count(*) >= 50 from app.people where n is not null").await;
    runner.kill();
    ground.database.run(more).await;
    let before: i64 = ground.one("select (backfill ->> 'changed')::bigint from ops.migration_history where version = '20260102_0000'").await;
    assert_eq!(ground.one::<i64>("select count(*) from app.people where n is not null").await, before);
    let (code, said) = ground.run(&["backfill", "--pause", "0ms"]);
    assert!(code == 0 && said.contains("800 rows changed"), "{said}");
    assert_eq!(ground.one::<i64>("select count(*) from app.people where n is null").await, 0);
}
