//! Rollbacks by down files.

use migrate::{DataLoss, NoHooks, ResolvedBy, losses, rollback};

use crate::support::{ROWS, TABLE, apply, database, files, hasty, one, run};

const COLUMN: (&str, &str) = (
    "20260102_1200_column.sql",
    "alter table app.things add column note text; create table app.notes (id int);",
);
const NO_COLUMN: (&str, &str) =
    ("20260102_1200_column.down.sql", "drop table app.notes; alter table app.things drop column note;");
const BECAUSE: ResolvedBy<'_> = ResolvedBy { actor: "ana", reason: "the release is withdrawn" };

#[tokio::test]
async fn what_has_a_way_back_is_taken_back() {
    let (migrator, superuser) = database().await;
    let (all, to) = (files(&[TABLE, ROWS, COLUMN, NO_COLUMN]), "20260102_0000".parse().unwrap());
    apply(&migrator, &all).await.unwrap();
    run(
        &superuser,
        "update app.things set note = 'x' where id = 1; insert into app.notes values (1), (2), (3)",
    )
    .await;
    let (scratch, _) = database().await;
    let lost = losses(&migrator, &all, &to, &scratch, &hasty()).await.unwrap();
    let loss =
        |kind: &str, object: &str, rows| DataLoss { kind: kind.to_owned(), object: object.to_owned(), rows };
    assert_eq!(lost, [loss("column", "app.things.note", 1), loss("table", "app.notes", 3)]);
    let undone = rollback(&migrator, &all, &to, &NoHooks, BECAUSE, &hasty()).await.unwrap();
    assert_eq!(undone.len(), 1);
    assert!(one::<bool>(&superuser, "select to_regclass('app.notes') is null").await);
    let kept = "select state || ' ' || actor || ' ' || because from ops.migration_history where version = '20260102_1200'";
    assert_eq!(one::<String>(&superuser, kept).await, "rolled_back ana the release is withdrawn");
    assert_eq!(apply(&migrator, &all).await.unwrap().applied.len(), 1, "and there again");
}

#[tokio::test]
async fn without_a_way_back_nothing_is_done() {
    let (migrator, superuser) = database().await;
    let (all, to) = (files(&[TABLE, ROWS, COLUMN, NO_COLUMN]), "20260101_0000".parse().unwrap());
    apply(&migrator, &all).await.unwrap();
    let refused = rollback(&migrator, &all, &to, &NoHooks, BECAUSE, &hasty()).await.unwrap_err().to_string();
    assert!(
        refused.contains("20260102_0000_rows.sql has no way back") && refused.contains("backup"),
        "{refused}"
    );
    assert!(one::<bool>(&superuser, "select to_regclass('app.notes') is not null").await);
}

#[tokio::test]
async fn a_way_back_that_fails_leaves_everything() {
    let (migrator, superuser) = database().await;
    let broken = (NO_COLUMN.0, "drop table app.notes; alter table app.things drop column nothing;");
    let (all, to) = (files(&[TABLE, ROWS, COLUMN, broken]), "20260102_0000".parse().unwrap());
    apply(&migrator, &all).await.unwrap();
    let refused = rollback(&migrator, &all, &to, &NoHooks, BECAUSE, &hasty()).await.unwrap_err().to_string();
    assert!(refused.contains("20260102_1200_column.down.sql, line 1 (statement 2)"), "{refused}");
    assert!(one::<bool>(&superuser, "select to_regclass('app.notes') is not null").await);
    assert!(apply(&migrator, &all).await.unwrap().applied.is_empty());
}

#[tokio::test]
async fn a_way_back_that_leaves_something_is_refused_before_anything_is_done() {
    let (migrator, superuser) = database().await;
    for (down, told) in [
        ("alter table app.things drop column note;", "table app.notes"),
        (
            "drop table app.notes; alter table app.things drop column note, add column n int;",
            "column app.things.n",
        ),
    ] {
        let (all, to) =
            (files(&[TABLE, ROWS, COLUMN, (NO_COLUMN.0, down)]), "20260102_0000".parse().unwrap());
        apply(&migrator, &all).await.unwrap();
        let (scratch, _) = database().await;
        let refused = losses(&migrator, &all, &to, &scratch, &hasty()).await.unwrap_err().to_string();
        assert!(refused.contains("20260102_1200_column.down.sql") && refused.contains(told), "{refused}");
    }
    assert!(one::<bool>(&superuser, "select to_regclass('app.notes') is not null").await);
}
