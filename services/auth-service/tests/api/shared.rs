//! Teams: adding a member gives each member access to the others' records.

use http::{Method, StatusCode};
use kernel::UserId;
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::company::Company;

impl Company {
    async fn team(&self, name: &str, members: &[UserId]) -> String {
        let team = self.ana.post("/teams", json!({ "name": name })).await.expect(StatusCode::CREATED);
        let path = format!("/teams/{}", team["id"].as_str().unwrap());
        self.put(&self.ana, &path, members).await.expect(StatusCode::OK);
        path
    }

    async fn put(&self, who: &TestUser, team: &str, members: &[UserId]) -> TestResponse {
        let seen = self.ana.get(team).await.expect(StatusCode::OK)["version"].take();
        let body = json!({ "members": members });
        who.send(Method::PUT, &format!("{team}/members"), Some(&seen), Some(body)).await
    }

    async fn robot(&self, who: &TestUser, role: &Value) -> UserId {
        let body = json!({ "name": "Robot", "role_ids": [role] });
        let made = who.post("/service-accounts", body).await.expect(StatusCode::CREATED);
        made["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap().into()
    }
}

#[track_caller]
fn lacks(answer: TestResponse, what: &str) {
    let problem = answer.expect(StatusCode::FORBIDDEN);
    assert_eq!(problem["code"], "privilege-escalation", "{problem}");
    assert!(problem["detail"].as_str().unwrap().ends_with(&format!(": {what}")), "{what}: {problem}");
}

#[tokio::test]
async fn adding_an_owner_to_a_team_gives_no_access_to_their_records() {
    let acme = Company::new().await;
    let tim = acme.nexo.member(acme.ana.account, "client:read@team team:read team:write").await;
    let (victim, mate) = (acme.somebody("viewer").await, acme.somebody("viewer").await);
    let north = acme.team("North", &[tim.user, mate.user]).await;
    lacks(acme.put(&tim, &north, &[tim.user, mate.user, victim.user]).await, "client:read");
    acme.put(&tim, &north, &[tim.user]).await.expect(StatusCode::OK);
    lacks(acme.put(&tim, &north, &[tim.user, mate.user]).await, "client:read");

    // A caller with access to all records may.
    let boss = acme.nexo.member(acme.ana.account, "client:read team:read team:write").await;
    acme.put(&boss, &north, &[tim.user, victim.user]).await.expect(StatusCode::OK);
    // So may a caller who already shares a team with them.
    let south = acme.team("South", &[tim.user]).await;
    acme.put(&tim, &south, &[tim.user, victim.user]).await.expect(StatusCode::OK);
    lacks(acme.put(&tim, &south, &[tim.user, victim.user, mate.user]).await, "client:read");
}

#[tokio::test]
async fn a_service_account_in_a_foreign_team_gives_no_access_to_records() {
    let acme = Company::new().await;
    let clerk = acme
        .nexo
        .member(
            acme.ana.account,
            "client:read@team team:read team:write member:read member:write role:write api_key:write",
        )
        .await;
    let victim = acme.somebody("viewer").await;
    let south = acme.team("South", &[victim.user]).await;
    let role = acme.made_role(&clerk, &["client:read@team"], &[]).await;
    let robot = acme.robot(&clerk, &role).await;
    lacks(acme.put(&clerk, &south, &[victim.user, robot]).await, "client:read");

    // It joins the team before it may read. Then granting the role, widening it, and creating a key are each refused.
    let nothing = acme.made_role(&clerk, &[], &[]).await;
    let robot = acme.robot(&clerk, &nothing).await;
    acme.put(&acme.ana, &south, &[victim.user, robot]).await.expect(StatusCode::OK);
    lacks(acme.give(&clerk, robot, &[&role]).await, "client:read");
    lacks(
        acme.edit_role(&clerk, &nothing, json!({ "permissions": ["client:read@team"] })).await,
        "client:read",
    );
    acme.give(&acme.ana, robot, &[&role]).await.expect(StatusCode::OK);
    let key = json!({ "name": "Key", "permissions": ["client:read@team"], "member_id": robot });
    lacks(clerk.post("/api-keys", key.clone()).await, "client:read");
    acme.ana.post("/api-keys", key).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_team_shows_no_field_that_is_hidden_from_its_maker() {
    let acme = Company::new().await;
    let hidden = "client.credit_limit";
    let clerk =
        acme.nexo.member_without(acme.ana.account, "client:read team:read team:write", &[hidden]).await;
    let sees = acme.nexo.member(acme.ana.account, "client:write@team").await;
    let victim = acme.somebody("viewer").await;
    let north = acme.team("North", &[sees.user]).await;
    lacks(acme.put(&clerk, &north, &[sees.user, victim.user]).await, "client:write");
    let clerk = acme.nexo.member_without(acme.ana.account, "client:* team:read team:write", &[hidden]).await;
    lacks(acme.put(&clerk, &north, &[sees.user, victim.user]).await, hidden);
}

#[tokio::test]
async fn a_team_from_the_trash_is_put_together_anew() {
    let acme = Company::new().await;
    let tim = acme.nexo.member(acme.ana.account, "client:read@team team:read team:write team:delete").await;
    let victim = acme.somebody("viewer").await;
    let north = acme.team("North", &[tim.user, victim.user]).await;
    let seen = acme.ana.get(&north).await.expect(StatusCode::OK);
    assert_eq!(tim.delete(&north, &seen).await.status, StatusCode::NO_CONTENT);
    let restore = format!("{north}/restore");
    lacks(tim.post(&restore, Value::Null).await, "client:read");
    assert_eq!(acme.ana.get(&north).await.status, StatusCode::NOT_FOUND, "it stayed there");
    acme.ana.post(&restore, Value::Null).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn suspended_members_count_in_a_team_as_others_do() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member(acme.ana.account, "team:read team:write").await;
    let away = acme.nexo.member(acme.ana.account, "task:write@team").await;
    let victim = acme.somebody("viewer").await;
    acme.change(&acme.ana, away.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    let north = acme.team("North", &[]).await;
    lacks(acme.put(&clerk, &north, &[away.user, victim.user]).await, "task:write");
    acme.put(&clerk, &north, &[victim.user]).await.expect(StatusCode::OK);
}
