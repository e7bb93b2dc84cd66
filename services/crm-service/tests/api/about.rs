//! Notes, activities, timelines and notifications follow the access to their subject.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};
use uuid::Uuid;

use crate::{made, nexo};

const EVERYTHING: &str = "client:* supplier:* note:* activity:* task:* audit_log:read member:read";

/// Body of a note about this record.
fn note(kind: &str, subject: &Value) -> Value {
    json!({ "subject_type": kind, "subject_id": subject["id"], "body": format!("about a {kind}") })
}

async fn client(ana: &TestUser, owner: &TestUser) -> Value {
    made(ana, "/clients", json!({ "name": "Acme", "owner_id": owner.user })).await
}

/// Adds both users to one team.
async fn team_up(nexo: &TestApp, one: &TestUser, other: &TestUser) {
    let (account, one, other, team) = (one.account, one.user, other.user, Uuid::now_v7());
    let rows = format!(
        "insert into app.teams (account_id, id, name, created_by, updated_by) values ('{account}', '{team}', 'North', '{one}', '{one}');
         insert into app.team_members (account_id, team_id, user_id) values ('{account}', '{team}', '{one}'), ('{account}', '{team}', '{other}');"
    );
    nexo.ground.database.run(&rows).await;
}

/// Ids of the notes that a user sees; list, count, search and export agree.
async fn notes(person: &TestUser) -> Vec<Value> {
    let ids = |page: &Value| -> Vec<Value> {
        page["data"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    };
    let page = person.get("/notes?sort=created_at&count=exact").await.expect(StatusCode::OK);
    let listed = ids(&page);
    assert_eq!(page["page"]["total"], json!(listed.len()), "what is counted is what is listed");
    let search =
        json!({ "sort": "created_at", "filter": { "field": "body", "op": "starts_with", "value": "about" } });
    assert_eq!(ids(&person.post("/notes/search", search).await.expect(StatusCode::OK)), listed);
    listed
}

fn path(of: &str, record: &Value) -> String {
    format!("/{of}/{}", record["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_note_is_in_reach_as_far_as_the_record_that_it_is_about() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let ben = nexo.member(ana.account, "client:read@own supplier:read note:* activity:*").await;
    let eve = nexo.member(ana.account, "client:read@team note:read").await;
    let max = nexo.member(ana.account, "supplier:read note:read@own note:write").await;
    let blind = nexo.member(ana.account, "note:*").await;
    team_up(&nexo, &ben, &eve).await;
    let mill = made(&ana, "/suppliers", json!({ "name": "Mill" })).await;
    let (of_ana, of_ben) = (client(&ana, &ana).await, client(&ana, &ben).await);
    let task = made(&ana, "/tasks", json!({ "title": "t" })).await;
    let quiet = made(&ana, "/notes", note("client", &of_ana)).await;
    let own = made(&ana, "/notes", note("client", &of_ben)).await;
    let open = made(&ana, "/notes", note("supplier", &mill)).await;
    let other = made(&ana, "/notes", note("task", &task)).await;
    let mine = made(&max, "/notes", note("supplier", &mill)).await;
    let [quiet_id, own_id, open_id, other_id, mine_id] =
        [&quiet, &own, &open, &other, &mine].map(|note| note["id"].clone());

    assert_eq!(notes(&ana).await, [quiet_id, own_id.clone(), open_id.clone(), other_id, mine_id.clone()]);
    assert_eq!(notes(&ben).await, [own_id.clone(), open_id, mine_id.clone()], "tasks are none of theirs");
    assert_eq!(notes(&eve).await, [own_id], "a team's client is in reach, and so is what is about it");
    assert_eq!(notes(&max).await, [mine_id], "both count: whose note it is, and what it is about");
    assert_eq!(notes(&blind).await, [json!(null); 0]);
    for person in [&ben, &eve, &max, &blind] {
        let at = path("notes", &quiet);
        for answer in [person.get(&at).await, person.get(&format!("{at}/history")).await] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
        }
    }
    let wish = json!({ "filter": { "field": "version", "op": "eq", "value": 1 }, "operation": "delete" });
    let preview = ben.post("/notes/bulk/preview", wish.clone()).await.expect(StatusCode::OK);
    assert_eq!(preview["count"], 3);
    let mut order = wish;
    order["selection"] = preview["selection"].clone();
    order["expected_count"] = json!(3);
    ben.post("/notes/bulk/apply", order).await.expect(StatusCode::OK);
    ana.get(&path("notes", &quiet)).await.expect(StatusCode::OK);
    let trash = ben.get("/notes/trash?count=exact").await.expect(StatusCode::OK);
    assert_eq!(trash["page"]["total"], 3);
    assert_eq!(blind.get("/notes/trash?count=exact").await.expect(StatusCode::OK)["page"]["total"], 0);
}

#[tokio::test]
async fn what_is_about_a_record_in_the_trash_stays_with_whom_the_record_was_in_reach_of() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let ben = nexo.member(ana.account, "client:read@own note:read").await;
    for (owner, seen) in [(&ben, true), (&ana, false)] {
        let client = client(&ana, owner).await;
        let note = made(&ana, "/notes", note("client", &client)).await;
        assert_eq!(ana.delete(&path("clients", &client), &client).await.status, StatusCode::NO_CONTENT);
        ana.get(&path("notes", &note)).await.expect(StatusCode::OK);
        assert_eq!(ben.get(&path("notes", &note)).await.status.is_success(), seen);
    }
}

#[tokio::test]
async fn timelines_and_availability_have_the_scope_of_lists() {
    let nexo = nexo().await;
    let ana = nexo.person(&format!("{EVERYTHING} professional:*")).await;
    let ben =
        nexo.member(ana.account, "client:read note:read@team activity:read@own professional:read@team").await;
    let eve = nexo.member(ana.account, "client:read note:* activity:*").await;
    team_up(&nexo, &ben, &eve).await;
    let acme = client(&ana, &ana).await;
    made(&ana, "/notes", note("client", &acme)).await;
    let mate = made(&eve, "/notes", note("client", &acme)).await;
    let call = json!({ "kind": "call", "subject_type": "client", "subject_id": acme["id"], "at": "2026-03-01T09:30:00Z", "summary": "s" });
    made(&eve, "/activities", call).await;
    let timeline = ben.get(&format!("{}/timeline", path("clients", &acme))).await.expect(StatusCode::OK);
    let steps: Vec<_> = timeline["data"].as_array().unwrap().iter().map(|step| &step["kind"]).collect();
    assert_eq!(steps, ["note", "change"], "{timeline}");
    assert_eq!(timeline["data"][0]["id"], mate["id"]);

    for owner in [&ana, &eve] {
        let hours = json!([{ "weekday": "monday", "from": "00:00", "to": "24:00" }]);
        let zoe = json!({ "name": "Zoë", "time_zone": "UTC", "owner_id": owner.user, "weekly_hours": hours });
        made(&ana, "/professionals", zoe).await;
    }
    let asked = "/professionals/available?from=2026-06-01T09:00:00Z&to=2026-06-01T10:00:00Z";
    for (person, count) in [(&ana, 2), (&ben, 1)] {
        let free = person.get(asked).await.expect(StatusCode::OK);
        assert_eq!(free["data"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn why_a_note_is_out_of_reach_is_explained() {
    let nexo = nexo().await;
    let ana = nexo.person(EVERYTHING).await;
    let ben = nexo.member(ana.account, "client:read@own note:read note:write@own").await;
    let (of_ana, of_ben) = (client(&ana, &ana).await, client(&ana, &ben).await);
    for (client, action, allowed, why) in [
        (&of_ben, "read", true, "a role of theirs permits note:read"),
        (&of_ana, "read", false, "it is about a record that they may not read"),
        (&of_ben, "write", false, "it reaches only their own records, and this is another's"),
    ] {
        let note = made(&ana, "/notes", note("client", client)).await;
        let id = note["id"].as_str().unwrap();
        let asked = format!("/explain?member={}&permission=note:{action}&resource=note&id={id}", ben.user);
        let told = ana.get(&asked).await.expect(StatusCode::OK);
        assert_eq!(
            (&told["allowed"], &told["record_in_scope"], &told["why"]),
            (&json!(allowed), &json!(allowed), &json!(why))
        );
        let seen = ben.get(&path("notes", &note)).await.status.is_success();
        assert!(action != "read" || seen == allowed, "it is explained as it is");
    }
    let hidden = "client:read note:read member:read";
    let blind = nexo.member_without(ana.account, hidden, &["client.owner_id"]).await;
    let id = of_ana["id"].as_str().unwrap();
    let asked = format!("/explain?member={}&permission=client:read", ben.user);
    blind.get(&asked).await.expect(StatusCode::OK);
    let told = blind.get(&format!("{asked}&resource=client&id={id}")).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN, "it would tell whose the client is");
}

#[tokio::test]
async fn the_audit_log_tells_what_a_note_says_to_whom_every_subject_is_in_reach() {
    let nexo = nexo().await;
    let ana = nexo.person(&format!("{EVERYTHING} contact:* employee:* professional:* project:*")).await;
    made(&ana, "/notes", note("client", &client(&ana, &ana).await)).await;
    let all = "contact:read supplier:read employee:read professional:read project:read task:read";
    for (rights, seen) in [
        (format!("audit_log:read note:read client:read {all}"), true),
        (format!("audit_log:read note:read client:read@own {all}"), false),
        ("audit_log:read note:read client:read".to_owned(), false),
    ] {
        let auditor = nexo.member(ana.account, &rights).await;
        let log = auditor.get("/audit-log?resource=note").await.expect(StatusCode::OK);
        assert_eq!(log["data"][0]["action"], "created");
        assert_eq!(log["data"][0]["after"]["body"].is_string(), seen, "{rights}: {log}");
        let file = auditor
            .send_raw(Method::GET, "/api/v1/audit-log/export?format=ndjson&resource=note", &[], "")
            .await;
        assert_eq!(file.expect(StatusCode::OK)["after"]["body"].is_string(), seen, "{rights}");
    }
}

#[tokio::test]
async fn a_member_sets_only_tags_that_they_may_read() {
    let nexo = nexo().await;
    let ana = nexo.person("client:* tag:*").await;
    let ben = nexo.member(ana.account, "client:* tag:read@own").await;
    let acme = client(&ana, &ana).await;
    let tag = made(&ana, "/tags", json!({ "name": "VIP" })).await["id"].clone();
    let at = format!("{}/tags", path("clients", &acme));
    let set = async |person: &TestUser, version: u8, tags: Value| {
        person.send(Method::PUT, &at, Some(&json!(version)), Some(json!({ "tags": tags }))).await
    };
    let refused = set(&ben, 1, json!([tag])).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = set(&ben, 1, json!([Uuid::now_v7()])).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((&refused["code"], &refused["detail"]), (&unknown["code"], &unknown["detail"]));
    set(&ana, 1, json!([tag])).await.expect(StatusCode::OK);
    set(&ben, 2, json!([])).await.expect(StatusCode::OK);
}
