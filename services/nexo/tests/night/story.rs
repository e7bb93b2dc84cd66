//! The operator's night: every command in the order of the documentation, with ordinary mistakes.

use crate::world::World;

#[tokio::test]
async fn an_operator_comes_through_a_bad_night_with_every_row() {
    let mut world = World::new().await;
    world.must("backup");
    let meant = world.backups()[0].0.clone();
    world.must("verify latest --restore");
    let good = world.look("nexo").await;
    // A bulk change goes wrong while users keep writing.
    world
        .site
        .database
        .run("delete from app.clients where name = 'Row 1'; update app.clients set notes = 'oops'")
        .await;
    let since = world.write().await;
    // The restore is killed at each of its steps and repeated: `latest` means the same backup.
    let begun = std::time::Instant::now();
    world.must("restore latest --no-backup --reason rehearsal --into rehearsal --confirm nexo");
    let takes = begun.elapsed();
    for part in 1..=6 {
        world.killed("restore latest --confirm nexo", takes.mul_f64(f64::from(part) / 6.0)).await;
        let live = world.look("nexo").await;
        assert!(live.contains(&since) || live == good, "one of the two is live: {live:?}");
        if live == good {
            world.must("restore --undo --confirm nexo");
        }
    }
    let said = world.must("restore latest --confirm nexo");
    assert!(said.contains(&format!("{meant} is live")), "{said}");
    assert!(said.contains("risk          HIGH: "), "{said}");
    assert!(said.contains("not meant by `latest`"), "the card tells of the newer ones: {said}");
    assert_eq!(world.look("nexo").await, good);
    let said = world.must("restore latest --confirm nexo");
    assert!(said.contains(&format!("{meant} is live")), "a second time gives the same: {said}");
    // The restore is undone, repeated and undone again.
    for way in world.ways_back().await {
        assert!(!way.is_empty(), "the row that was written since is not live");
    }
    world.must("restore --undo --confirm nexo");
    let said = world.must("restore --undo --confirm nexo");
    assert!(said.contains("goes:  nexo") && said.contains("comes: nexo_undone_"), "{said}");
    let ways = world.ways_back().await;
    let kept = ways.iter().find(|way| way.contains("--database")).unwrap().clone();
    world.goes_back(&kept).await;
    assert!(world.look("nexo").await.contains(&since));
    // At three o'clock the schedule prunes, and at four it runs a drill.
    let before = world.backups().len();
    let mut schedule = world.site.nexo(&["schedule", "--once"]);
    let every = "* * * * *";
    schedule
        .env("NEXO_SCHEDULE_PRUNE", every)
        .env("NEXO_SCHEDULE_DRILL", every)
        .env("NEXO_SCHEDULE_BACKUP", "off");
    let due = "insert into ops.schedule values ('prune', now() - interval '1 minute', null), ('drill', now() - interval '1 minute', null)
        on conflict (job) do update set next_at = excluded.next_at";
    world.site.database.run(due).await;
    let done = World::end(schedule.spawn().unwrap());
    assert_eq!(done.code, Some(0), "{}", done.said);
    assert!(
        done.said.contains("pruned: 0 backups and 0 databases removed") && done.said.contains("drilled"),
        "{}",
        done.said
    );
    assert_eq!(world.backups().len(), before);
    // A migration fails, is corrected, and is rolled back. The next start finds a compatible database.
    world.migration("20990101_0001_fails", "alter table app.of_nobody add column note text;", "select 1;");
    let failed = world.run("migrate");
    assert!(failed.code != Some(0) && failed.said.contains("of_nobody"), "{failed:?}");
    world.migration(
        "20990101_0001_fails",
        "alter table app.clients add column mended text;",
        "alter table app.clients drop column mended;",
    );
    world.must("migrate");
    world.must(&format!("rollback --to {} --reason it-was-slow --confirm nexo", crate::world::latest()));
    assert!(world.look("nexo").await.contains(&since));
    world.must("version");
    world.must("verify latest --restore");
    let log: i64 = world.site.one("select count(*) from ops.operator_log where outcome = 'done'").await;
    assert!(log >= 6, "who did what is known after all of it: {log}");
}
