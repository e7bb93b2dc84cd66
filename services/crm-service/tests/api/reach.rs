//! Scopes of permissions (all, team, own) and hidden fields.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestUser};
use uuid::Uuid;

use crate::nexo;

/// Ana sees all clients; Ben and Eve share a team, Zoe has none. Each owns a client, and one client has no owner.
struct Scene {
    nexo: TestApp,
    ana: TestUser,
    ben: TestUser,
    eve: TestUser,
    zoe: TestUser,
}

impl Scene {
    async fn set(reach: &str) -> Self {
        let nexo = nexo().await;
        let ana = nexo.person("client:* member:read").await;
        let rights = format!("client:read@{reach} client:write@{reach} client:delete@{reach}");
        let ben = nexo.member(ana.account, &rights).await;
        let eve = nexo.member(ana.account, &rights).await;
        let zoe = nexo.member(ana.account, &rights).await;
        let team = Uuid::now_v7();
        let (account, ben_id, eve_id) = (ana.account, ben.user, eve.user);
        nexo.ground
            .database
            .run(&format!(
                "insert into app.teams (account_id, id, name, created_by, updated_by) values ('{account}', '{team}', 'North', '{ben_id}', '{ben_id}');
                 insert into app.team_members (account_id, team_id, user_id) values ('{account}', '{team}', '{ben_id}'), ('{account}', '{team}', '{eve_id}');"
            ))
            .await;
        let scene = Self { nexo, ana, ben, eve, zoe };
        for (name, owner) in [
            ("of Ana", json!(scene.ana.user)),
            ("of Ben", json!(scene.ben.user)),
            ("of Eve", json!(scene.eve.user)),
            ("of Zoe", json!(scene.zoe.user)),
            ("of nobody", Value::Null),
        ] {
            let client = json!({ "name": name, "owner_id": owner });
            scene.ana.post("/clients", client).await.expect(StatusCode::CREATED);
        }
        scene
    }

    /// Finds a client by name, as Ana.
    async fn client(&self, name: &str) -> Value {
        let found =
            self.ana.get(&format!("/clients?filter=name%5Beq%5D:%22{}%22", name.replace(' ', "%20"))).await;
        found.expect(StatusCode::OK)["data"][0].clone()
    }
}

async fn names(person: &TestUser) -> Vec<String> {
    let page = person.get("/clients?sort=name&count=exact").await.expect(StatusCode::OK);
    let names: Vec<String> =
        page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(page["page"]["total"], json!(names.len()), "what is counted is what is seen");
    names
}

fn path(record: &Value) -> String {
    format!("/clients/{}", record["id"].as_str().unwrap())
}

#[tokio::test]
async fn own_scope_finds_only_own_records() {
    let scene = Scene::set("own").await;
    assert_eq!(names(&scene.ben).await, ["of Ben"]);
    assert_eq!(names(&scene.ana).await.len(), 5);
    for name in ["of Ana", "of Eve", "of nobody"] {
        let record = scene.client(name).await;
        let path = path(&record);
        for answer in [
            scene.ben.get(&path).await,
            scene.ben.patch(&path, &record, json!({ "rating": 1 })).await,
            scene.ben.delete(&path, &record).await,
            scene.ben.get(&format!("{path}/history")).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}: {}", answer.body);
        }
        assert_eq!(scene.ana.delete(&path, &record).await.status, StatusCode::NO_CONTENT);
        let back = scene.ben.send(Method::POST, &format!("{path}/restore"), None, None).await;
        assert_eq!(back.status, StatusCode::NOT_FOUND, "{name}");
    }
    let own = scene.client("of Ben").await;
    let changed = scene.ben.patch(&path(&own), &own, json!({ "rating": 5 })).await.expect(StatusCode::OK);
    scene.ben.get(&format!("{}/history", path(&own))).await.expect(StatusCode::OK);
    assert_eq!(scene.ben.delete(&path(&own), &changed).await.status, StatusCode::NO_CONTENT);
    scene.ben.send(Method::POST, &format!("{}/restore", path(&own)), None, None).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn team_scope_finds_only_records_of_the_team() {
    let scene = Scene::set("team").await;
    assert_eq!(names(&scene.ben).await, ["of Ben", "of Eve"]);
    assert_eq!(names(&scene.zoe).await, ["of Zoe"], "in no team, one's own");
    let mate = scene.client("of Eve").await;
    scene.ben.patch(&path(&mate), &mate, json!({ "rating": 5 })).await.expect(StatusCode::OK);
    let other = scene.client("of Zoe").await;
    assert_eq!(scene.ben.patch(&path(&other), &other, json!({})).await.status, StatusCode::NOT_FOUND);
    scene.nexo.ground.database.run("update app.teams set deleted_at = now()").await;
    assert_eq!(names(&scene.ben).await, ["of Ben"], "a team that is gone joins nobody, at once");
}

#[tokio::test]
async fn own_scope_writes_only_own_records() {
    let scene = Scene::set("own").await;
    let made = scene.ben.post("/clients", json!({ "name": "New" })).await.expect(StatusCode::CREATED);
    assert_eq!(made["owner_id"], json!(scene.ben.user), "without an owner it is theirs");
    let given = scene.ben.post("/clients", json!({ "name": "Given", "owner_id": scene.eve.user })).await;
    assert_eq!(given.expect(StatusCode::FORBIDDEN)["code"], "outside-scope");
    let away = scene.ben.patch(&path(&made), &made, json!({ "owner_id": scene.eve.user })).await;
    assert_eq!(away.expect(StatusCode::FORBIDDEN)["code"], "outside-scope");
    assert_eq!(scene.ben.get(&path(&made)).await.expect(StatusCode::OK), made, "and nothing has changed");
    let mine = scene.ana.post("/clients", json!({ "name": "Free" })).await.expect(StatusCode::CREATED);
    assert_eq!(mine["owner_id"], Value::Null);
}

/// The scope of read may be wider than that of write.
#[tokio::test]
async fn each_action_has_its_own_reach() {
    let scene = Scene::set("own").await;
    let max = scene.nexo.member(scene.ana.account, "client:read client:write@own").await;
    assert_eq!(names(&max).await.len(), 5);
    let other = scene.client("of Eve").await;
    max.get(&path(&other)).await.expect(StatusCode::OK);
    assert_eq!(max.patch(&path(&other), &other, json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(max.delete(&path(&other), &other).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_hidden_field_is_neither_shown_nor_changed() {
    let nexo = nexo().await;
    let ana = nexo.person("client:*").await;
    let eve = nexo.member_without(ana.account, "client:*", &["client.credit_limit"]).await;
    let client = json!({ "name": "Acme", "credit_limit": "1500.00", "currency": "EUR", "rating": 3 });
    let made = ana.post("/clients", client).await.expect(StatusCode::CREATED);
    let path = path(&made);

    let seen = eve.get(&path).await.expect(StatusCode::OK);
    let listed = eve.get("/clients").await.expect(StatusCode::OK)["data"][0].clone();
    let changed = eve.patch(&path, &made, json!({ "rating": 4 })).await.expect(StatusCode::OK);
    let stale = eve.patch(&path, &made, json!({ "rating": 4 })).await.expect(StatusCode::PRECONDITION_FAILED);
    let new = eve.post_once("/clients", "k", json!({ "name": "New" })).await.expect(StatusCode::CREATED);
    for shown in [&seen, &listed, &changed, &stale["current"], &new] {
        assert!(shown.get("credit_limit").is_none(), "{shown}");
        assert!(shown.get("currency").is_some(), "{shown}");
    }
    let history = eve.get(&format!("{path}/history")).await.expect(StatusCode::OK);
    assert!(
        !history.to_string().contains("credit_limit") && !history.to_string().contains("1500"),
        "{history}"
    );
    assert_eq!(ana.get(&path).await.expect(StatusCode::OK)["credit_limit"], "1500.00", "it is still there");

    for (what, answer) in [
        ("filter", eve.get("/clients?filter=credit_limit%5Beq%5D:%221500.00%22").await),
        ("sort", eve.get("/clients?sort=credit_limit").await),
        ("change", eve.patch(&path, &changed, json!({ "credit_limit": "9" })).await),
        ("clear", eve.patch(&path, &changed, json!({ "credit_limit": null })).await),
        (
            "create",
            eve.post("/clients", json!({ "name": "B", "credit_limit": "1", "currency": "EUR" })).await,
        ),
    ] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", answer.body);
    }
}

#[tokio::test]
async fn explain_names_why_a_member_can_or_cannot() {
    let scene = Scene::set("own").await;
    let ask = async |member: &TestUser, more: &str| {
        let path = format!("/explain?member={}&permission=client:write{more}", member.user);
        scene.ana.get(&path).await
    };
    let of = |record: &Value| format!("&resource=client&id={}", record["id"].as_str().unwrap());
    let (own, other) = (of(&scene.client("of Ben").await), of(&scene.client("of Eve").await));
    let plain = ask(&scene.ben, "").await.expect(StatusCode::OK);
    assert_eq!((&plain["allowed"], &plain["scope"]), (&json!(true), &json!("own")));
    assert_eq!(plain["grants"][0]["permission"], "client:write@own");
    assert_eq!(ask(&scene.ben, &own).await.expect(StatusCode::OK)["record_in_scope"], true);
    let refused = ask(&scene.ben, &other).await.expect(StatusCode::OK);
    assert_eq!((&refused["allowed"], &refused["record_in_scope"]), (&json!(false), &json!(false)));
    assert_eq!(refused["why"], "it reaches only their own records, and this is another's");
    assert_eq!(ask(&scene.ana, &other).await.expect(StatusCode::OK)["allowed"], true);

    let stranger = scene.nexo.person("member:read client:*").await;
    let path = format!("/explain?member={}&permission=client:write", scene.ben.user);
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND, "nobody of theirs");
    let foreign = format!("/explain?member={}&permission=client:write{own}", stranger.user);
    assert_eq!(stranger.get(&foreign).await.status, StatusCode::NOT_FOUND, "nor a record");
    for wrong in ["permission=client:fly", "permission=*:*", "permission=client:write&resource=client"] {
        let path = format!("/explain?member={}&{wrong}", scene.ben.user);
        assert_eq!(scene.ana.get(&path).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}
