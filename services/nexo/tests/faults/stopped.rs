//! A stopped process (SIGSTOP) that holds the lock.

use nix::sys::signal::Signal;

use crate::process::{Ground, TABLE};

#[tokio::test]
async fn others_name_a_holder_that_stands_still_and_give_up() {
    let slow = ("20260102_0000_slow.sql", "select pg_sleep(2); insert into app.things values (1);");
    let ground = Ground::with(&[TABLE, slow]).await;
    let holder = ground.start(&["migrate"]);
    ground.until("select exists (select from pg_stat_activity where wait_event = 'PgSleep')").await;
    holder.signal(Signal::SIGSTOP);
    // The statement ends, but the client is stopped.
    ground.until("select not exists (select from pg_stat_activity where wait_event = 'PgSleep')").await;
    let (code, said) = ground.run(&["migrate", "--wait", "500ms"]);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("another command has the database to itself (pid") && said.contains("nexo db migrate"),
        "{said}"
    );
    let (code, said) = ground.run(&["status"]);
    assert!(code == 1 && said.contains("a process migrates at this moment"), "{said}");
    holder.signal(Signal::SIGCONT);
    let (code, said) = ground.run(&["migrate"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(ground.one::<i64>("select count(*) from app.things").await, 1);
}

/// An unreachable server or an invalid address gives a one-line error, and no panic.
#[tokio::test]
async fn an_unreachable_database_is_reported_in_one_line() {
    let ground = Ground::with(&[TABLE]).await;
    let port = ground.cluster.port();
    let address = format!("postgres://nexo_migrator:x@127.0.0.1:{port}/nothing?sslmode=disable");
    for address in [address.as_str(), "postgres://nexo_migrator:x@127.0.0.1:9/nexo", "nonsense"] {
        for verb in ["migrate", "status", "version", "diff", "backfill"] {
            let done =
                ground.nexo(&[verb, "--json"]).env("MIGRATION_DATABASE_URL", address).output().unwrap();
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.code(), Some(2), "{verb} {address}: {said}");
            assert!(
                said.lines().any(|line| line.starts_with("nexo: "))
                    && !said.contains("panicked")
                    && !said.contains(":x@"),
                "{said}"
            );
            let answer: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
            assert!(answer["error"].is_string(), "{answer}");
        }
    }
}
