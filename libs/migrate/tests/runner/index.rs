//! Concurrent index builds.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::support::{TABLE, apply, database, files, one, refusal, run};

const UNIQUE: (&str, &str) = (
    "20260103_0000_index.sql",
    "-- nexo:no-transaction\ncreate unique index concurrently uq_things on app.things (id);",
);

async fn indexes(superuser: &PgConnectOptions) -> String {
    one(superuser, "select coalesce(string_agg(indexrelid::regclass || ' ' || indisvalid, ', '), '') from pg_index where indrelid = 'app.things'::regclass").await
}

#[tokio::test]
async fn a_unique_index_over_duplicates_names_them_and_leaves_nothing() {
    let (migrator, superuser) = database().await;
    let keyed = (
        "20260101_0000_things.sql",
        "create schema app; create table app.things (id int, key text primary key);",
    );
    apply(&migrator, &files(&[keyed])).await.unwrap();
    run(&superuser, "insert into app.things values (7, 'first'), (7, 'second'), (8, 'third')").await;
    let refused = refusal(&migrator, &files(&[keyed, UNIQUE])).await;
    assert!(refused.contains("first, second") && !refused.contains("third"), "{refused}");
    assert_eq!(indexes(&superuser).await, "app.things_pkey true");
    let kept = "select error_message from ops.migration_history where state = 'failed'";
    let kept: String = one(&superuser, kept).await;
    assert!(kept.contains("could not create unique index") && !kept.contains("first"), "{kept}");
    run(&superuser, "delete from app.things where key = 'second'").await;
    apply(&migrator, &files(&[keyed, UNIQUE])).await.unwrap();
    assert_eq!(indexes(&superuser).await, "app.things_pkey true, app.uq_things true");
}

#[tokio::test]
async fn rows_without_a_key_share_none() {
    let keyed = (
        "20260101_0000_things.sql",
        "create schema app; create table app.things (id int, part int, key text primary key);",
    );
    let rows = "insert into app.things select null, 1, 'null ' || n from generate_series(1, 40) n;
        insert into app.things values (7, null, 'half'), (7, null, 'other half'), (7, 1, 'first'), (7, 1, 'second')";
    for (nulls, told, silent) in
        [("", "first, second", "null"), ("nulls not distinct", "null 1, null 2", "none")]
    {
        let (migrator, superuser) = database().await;
        apply(&migrator, &files(&[keyed])).await.unwrap();
        run(&superuser, rows).await;
        let unique = format!(
            "-- nexo:no-transaction\ncreate unique index concurrently uq_things on app.things (id, part) {nulls};"
        );
        let refused = refusal(&migrator, &files(&[keyed, (UNIQUE.0, &unique)])).await;
        assert!(refused.contains(told) && !refused.contains(silent), "{nulls}: {refused}");
        assert_eq!(refused.contains("half"), !nulls.is_empty(), "{refused}");
    }
}

#[tokio::test]
async fn if_not_exists_does_not_hide_an_invalid_index() {
    let (migrator, superuser) = database().await;
    apply(&migrator, &files(&[TABLE])).await.unwrap();
    run(&superuser, "insert into app.things values (7), (7)").await;
    let mut by_hand = PgConnection::connect_with(&superuser).await.unwrap();
    let built = sqlx::query("create unique index concurrently uq_things on app.things (id)")
        .execute(&mut by_hand)
        .await;
    assert!(built.is_err());
    assert_eq!(indexes(&superuser).await, "app.uq_things false");
    run(&superuser, "delete from app.things; alter table app.things owner to nexo_owner").await;
    let lazy = (
        UNIQUE.0,
        "-- nexo:no-transaction\ncreate unique index concurrently if not exists uq_things on app.things (id);",
    );
    apply(&migrator, &files(&[TABLE, lazy])).await.unwrap();
    assert_eq!(indexes(&superuser).await, "app.uq_things true");
}

#[tokio::test]
async fn an_index_without_a_name_is_refused() {
    let nameless = "-- nexo:no-transaction\ncreate index concurrently on app.things (id);";
    let refused =
        crate::support::try_files(&[("20260103_0000_index.sql", nameless)]).unwrap_err().to_string();
    assert!(refused.contains("line 2: give the index a name"), "{refused}");
}
