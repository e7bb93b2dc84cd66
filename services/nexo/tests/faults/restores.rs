//! `nexo db restore` when it is killed.

use std::time::{Duration, Instant};

use crate::site::{CLIENTS, Site};

/// Waits until the server has ended the sessions of a killed process and its children.
async fn until_alone(site: &Site) {
    let others = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
    let end = Instant::now() + Duration::from_secs(60);
    while site.one::<i64>(others).await > 0 {
        assert!(Instant::now() < end, "a session of a killed process goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// After each kill the database is available, with all rows of either the old or the new state.
#[tokio::test]
async fn killed_at_any_moment_either_the_old_or_the_new_is_live() {
    let site = Site::with(5000).await;
    let name = site.answer(&["backup", "whole"])["backup"]["name"].as_str().unwrap().to_owned();
    site.database.run("delete from app.clients where name like 'Client 1%'").await;
    let left: i64 = site.one(CLIENTS).await;
    let command = ["restore", &name, "--no-backup", "--reason", "a test", "--confirm", "nexo"];
    let begun = Instant::now();
    site.answer(&command);
    let takes = begun.elapsed();
    assert_eq!(site.one::<i64>(CLIENTS).await, 5000);
    site.answer(&["restore", "--undo", "--confirm", "nexo"]);
    assert_eq!(site.one::<i64>(CLIENTS).await, left);
    let mut swapped = 0;
    for part in 1..=12 {
        let mut running = site.nexo(&command).spawn().unwrap();
        tokio::time::sleep(takes.mul_f64(f64::from(part) / 12.0)).await;
        running.kill().unwrap();
        running.wait().unwrap();
        let rows: i64 = site.one(CLIENTS).await;
        assert!(rows == left || rows == 5000, "{rows}");
        if rows == 5000 {
            swapped += 1;
            until_alone(&site).await;
            site.answer(&["restore", "--undo", "--confirm", "nexo"]);
        }
    }
    assert!(swapped < 12, "some were killed before the swap");
    site.answer(&command);
    assert_eq!(site.one::<i64>(CLIENTS).await, 5000);
    assert_eq!(
        site.one::<i64>("select count(*) from pg_database where datname like 'nexo\\_side%'").await,
        0,
        "swept"
    );
    let outcome: String = site
        .one("select outcome from ops.operator_log where operation like 'put %' order by at desc limit 1")
        .await;
    assert_eq!(outcome, "done", "and noted in the database that is live now");
}

/// A service starts on an outdated database: backup, verification, migrations, backup.
#[tokio::test]
async fn pending_migrations_are_applied_between_two_backups_and_not_without() {
    let site = Site::with(50).await;
    let folder = tempfile::tempdir().unwrap();
    for entry in
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations")).unwrap().flatten()
    {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    std::fs::write(
        folder.path().join("20990101_0000_note.sql"),
        "alter table app.clients add column note text;",
    )
    .unwrap();
    let from = folder.path().to_str().unwrap();
    // The backup fails, so nothing is applied.
    std::fs::write(site.state.path().join("backups"), "a file where the folder should be").unwrap();
    let (code, said) = site.run(&["migrate", "--migrations", from]);
    assert!(code == 2 && said.contains("no migration was applied"), "{said}");
    assert_eq!(
        site.one::<i64>("select count(*) from ops.migration_history where version = '20990101_0000'").await,
        0
    );
    std::fs::remove_file(site.state.path().join("backups")).unwrap();
    let (code, said) = site.run(&["migrate", "--migrations", from]);
    assert_eq!(code, 0, "{said}");
    let backups = site.answer(&["backups"]);
    let labels: Vec<_> = backups
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap()[17..].to_owned())
        .collect();
    assert_eq!(labels, ["after-migration", "before-migration"], "the newest first");
    assert!(backups.as_array().unwrap().iter().all(|one| one["standing"] == "read"), "{backups}");
    let restore: String =
        site.one("select backup from ops.migration_history where version = '20990101_0000'").await;
    assert!(restore.starts_with("nexo db restore 2") && restore.ends_with("_before-migration"), "{restore}");
}

/// A member may have been removed for a reason, so restoring access needs a separate confirmation.
#[tokio::test]
async fn a_member_comes_back_only_by_a_word_of_its_own() {
    let site = Site::with(5).await;
    let member =
        "insert into app.users (id, email, display_name) values (md5('p')::uuid, 'ana@a.test', 'Ana');
        insert into app.memberships (account_id, user_id) values (md5('a')::uuid, md5('p')::uuid)";
    site.database.run(member).await;
    site.answer(&["backup"]);
    site.database
        .run("update app.memberships set status = 'removed', version = 2; delete from app.clients")
        .await;
    let command = ["tenant", "restore", "a", "--from", "latest"];
    let preview = site.answer(&[&command[..], &["--preview"]].concat());
    assert_eq!(preview["preview"]["access"]["members"], serde_json::json!(["ana@a.test"]), "{preview}");
    let clients =
        preview["preview"]["changes"].as_array().unwrap().iter().find(|one| one["table"] == "app.clients");
    assert_eq!(clients.unwrap()["rows"].as_array().unwrap().len(), 5, "{preview}");
    let confirmed = [&command[..], &["--confirm", "nexo"]].concat();
    let (code, said) = site.run(&confirmed);
    assert!(code == 4 && said.contains("ACCESS: members who are let in again: ana@a.test"), "{code} {said}");
    assert_eq!(site.one::<i64>(CLIENTS).await, 0, "nothing was done");
    let (code, said) = site.run(&[&confirmed[..], &["--with-access"]].concat());
    assert_eq!(code, 0, "{said}");
    assert_eq!(site.one::<i64>(CLIENTS).await, 5);
    assert_eq!(site.one::<String>("select status || version from app.memberships").await, "active3");
}
