//! Purging of deleted records, and what prevents it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::TestUser;
use tokio::task::JoinSet;

use crate::{made, nexo};

const RIGHTS: &str = "client:* contact:* project:* task:* note:*";

async fn client(person: &TestUser) -> Value {
    made(person, "/clients", json!({ "name": "Acme" })).await
}

async fn trashed(person: &TestUser, many: &str, record: &Value) -> Value {
    let id = record["id"].as_str().unwrap();
    assert_eq!(person.delete(&format!("/{many}/{id}"), record).await.status, StatusCode::NO_CONTENT);
    json!({ "id": id, "version": record["version"].as_i64().unwrap() + 1 })
}

async fn purge(person: &TestUser, many: &str, gone: &Value) -> testkit::TestResponse {
    person.delete(&format!("/{many}/trash/{}", gone["id"].as_str().unwrap()), gone).await
}

#[tokio::test]
async fn what_others_refer_to_stays_in_the_trash() {
    let ana = nexo().await.person(RIGHTS).await;
    let acme = client(&ana).await;
    let zoe = made(&ana, "/contacts", json!({ "first_name": "Zoe", "client_id": acme["id"] })).await;
    let acme = trashed(&ana, "clients", &acme).await;
    for zoe_is in ["there", "in the trash"] {
        let problem = purge(&ana, "clients", &acme).await.expect(StatusCode::CONFLICT);
        assert_eq!(problem["code"], "still-referenced", "{zoe_is}");
        assert!(problem["detail"].as_str().unwrap().starts_with("contacts still refer to it"), "{problem}");
        if zoe_is == "there" {
            trashed(&ana, "contacts", &zoe).await;
        }
    }
    let listed = ana.get("/clients/trash").await.expect(StatusCode::OK);
    assert_eq!(listed["data"][0]["id"], acme["id"], "a purge that was refused changes nothing");
    let zoe = json!({ "id": zoe["id"], "version": 2 });
    assert_eq!(purge(&ana, "contacts", &zoe).await.status, StatusCode::NO_CONTENT);
    assert_eq!(purge(&ana, "clients", &acme).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_purge_reaches_as_far_as_its_permission() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let ben = nexo.member(ana.account, "client:read client:write client:delete client:purge@own").await;
    let own = made(&ben, "/clients", json!({ "name": "Own", "owner_id": ben.user })).await;
    let (own, other) = (trashed(&ana, "clients", &own).await, client(&ana).await);
    let other = trashed(&ana, "clients", &other).await;
    assert_eq!(purge(&ben, "clients", &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(purge(&ben, "clients", &own).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn notes_are_purged_with_their_record_and_audited() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let acme = client(&ana).await;
    let note = json!({ "subject_type": "client", "subject_id": acme["id"], "body": "secret" });
    let note = made(&ana, "/notes", note).await;
    let acme = trashed(&ana, "clients", &acme).await;
    assert_eq!(purge(&ana, "clients", &acme).await.status, StatusCode::NO_CONTENT);
    let history = format!("/notes/{}/history", note["id"].as_str().unwrap());
    let told = ana.get(&history).await.expect(StatusCode::OK);
    assert_eq!((&told["data"][0]["action"], &told["data"][1]["after"]), (&json!("purged"), &Value::Null));
    let mut look = nexo.ground.database.look().await;
    let (purged,): (i64,) = sqlx::query_as(
        "select count(*) from app.outbox where topic in ('crm.client.purged', 'crm.note.purged')",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert_eq!(purged, 2);
}

/// Purging may empty entries of the audit log; the database rejects every other change.
#[tokio::test]
async fn history_is_never_rewritten() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    client(&ana).await;
    let app = nexo.ground.database.role("nexo_app");
    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect_with(&app).await.unwrap();
    let enter = format!("set app.current_account_id = '{}'", ana.account);
    sqlx::query(sqlx::AssertSqlSafe(enter)).execute(&mut conn).await.unwrap();
    for forged in [
        "update app.audit_log set after = '{\"name\": \"Other\"}'",
        "update app.audit_log set before = '{}'",
        "update app.audit_log set action = 'seen'",
        "delete from app.audit_log",
    ] {
        assert!(sqlx::query(forged).execute(&mut conn).await.is_err(), "{forged}");
    }
}

/// A record cannot be deleted while a concurrent write adds a reference to it, nor the other way round.
#[tokio::test]
async fn nothing_new_refers_to_what_is_removed_at_the_same_time() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    for _ in 0..8 {
        let acme = client(&ana).await;
        let mut writes = JoinSet::new();
        for n in 0..4 {
            let (ana, acme) = (ana.clone(), acme.clone());
            writes.spawn(async move {
                let contact = json!({ "first_name": format!("Zoe {n}"), "client_id": acme["id"] });
                ana.post("/contacts", contact).await.status
            });
        }
        let (remover, removed) = (ana.clone(), acme.clone());
        writes.spawn(async move {
            let path = format!("/clients/{}", removed["id"].as_str().unwrap());
            remover.delete(&path, &removed).await.status
        });
        let expected = [StatusCode::CREATED, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::NO_CONTENT];
        for status in writes.join_all().await {
            assert!(expected.contains(&status), "{status}");
        }
    }
    // Transaction ids are assigned by the first write: no contact's id may be greater than that of the deletion.
    let mut look = nexo.ground.database.look().await;
    let (late,): (i64,) = sqlx::query_as(
        "select count(*) from app.contacts c join app.clients k on k.account_id = c.account_id and k.id = c.client_id
         where k.deleted_at is not null and c.xmin::text::bigint > k.xmin::text::bigint",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert_eq!(late, 0);
}

#[tokio::test]
async fn the_trash_is_listed_like_everything_else() {
    let ana = nexo().await.person(RIGHTS).await;
    for name in ["a", "b", "c"] {
        let one = made(&ana, "/clients", json!({ "name": name })).await;
        trashed(&ana, "clients", &one).await;
    }
    client(&ana).await;
    let names = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = ana.get("/clients/trash?limit=2&count=exact").await.expect(StatusCode::OK);
    assert_eq!((names(&first), &first["page"]["total"]), (vec!["c".to_owned(), "b".to_owned()], &json!(3)));
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let rest = ana.get(&format!("/clients/trash?limit=2&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(names(&rest), ["a"]);
    let elsewhere = ana.get(&format!("/clients?sort=-updated_at&limit=2&cursor={cursor}")).await;
    assert_eq!(
        elsewhere.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a cursor of the trash is no other list's"
    );
    let sought = ana.get("/clients/trash?q=a").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sought["errors"][0]["pointer"], "/q");
    let filtered = ana.get("/clients/trash?filter=name%5Beq%5D:%22b%22&fields=name").await;
    assert_eq!(names(&filtered.expect(StatusCode::OK)), ["b"]);
    let unknown = ana.send(Method::DELETE, "/clients/trash/nonsense", Some(&json!(1)), None).await;
    assert!(unknown.status.is_client_error());
}
