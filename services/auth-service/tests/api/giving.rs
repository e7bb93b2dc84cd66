//! Callers cannot grant rights that they lack, by any operation.

use http::StatusCode;
use kernel::UserId;
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::company::Company;

const HIDDEN: &str = "client.credit_limit";
const CLERK: &str = "client:read client:write client:delete client:purge role:read role:write member:read member:write \
                     invitation:read invitation:write api_key:write team:read team:write";

/// Permissions that cover all operations on clients.
const ANYTHING: [&str; 8] = [
    "client:read",
    "client:write",
    "client:delete",
    "client:purge",
    "client:write@own",
    "client:delete@team",
    "client:read@team",
    "client:purge@own",
];

impl Company {
    /// Creates a role in Acme and returns its id.
    pub(crate) async fn made_role(&self, who: &TestUser, permissions: &[&str], hidden: &[&str]) -> Value {
        self.make_role(who, permissions, hidden).await.expect(StatusCode::CREATED)["id"].clone()
    }

    pub(crate) async fn make_role(
        &self,
        who: &TestUser,
        permissions: &[&str],
        hidden: &[&str],
    ) -> TestResponse {
        let name = uuid::Uuid::now_v7();
        who.post("/roles", json!({ "name": name, "permissions": permissions, "hidden_fields": hidden })).await
    }

    pub(crate) async fn give(&self, who: &TestUser, to: UserId, roles: &[&Value]) -> TestResponse {
        self.change(who, to, json!({ "roles": roles })).await
    }

    /// Updates a role as `who`.
    pub(crate) async fn edit_role(&self, who: &TestUser, role: &Value, change: Value) -> TestResponse {
        let path = format!("/roles/{}", role.as_str().unwrap());
        let seen = self.ana.get(&path).await.expect(StatusCode::OK);
        who.patch(&path, &seen, change).await
    }
}

#[track_caller]
fn beyond(answer: TestResponse, what: &str) {
    let problem = answer.expect(StatusCode::FORBIDDEN);
    assert_eq!(problem["code"], "privilege-escalation", "{problem}");
    assert!(problem["detail"].as_str().unwrap().ends_with(what), "{what}: {problem}");
}

#[tokio::test]
async fn a_field_hidden_from_the_author_is_shown_by_nothing_that_they_give() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member_without(acme.ana.account, CLERK, &[HIDDEN]).await;
    let eve = acme.nexo.member(acme.ana.account, "").await;
    for held in ANYTHING {
        beyond(acme.make_role(&clerk, &[held], &[]).await, HIDDEN);
        acme.make_role(&clerk, &[held], &[HIDDEN]).await.expect(StatusCode::CREATED);

        let shows = acme.made_role(&acme.ana, &[held], &[]).await;
        beyond(acme.give(&clerk, eve.user, &[&shows]).await, HIDDEN);
        let service = json!({ "name": "Robot", "role_ids": [shows] });
        beyond(clerk.post("/service-accounts", service.clone()).await, HIDDEN);
        let invitation = json!({ "email": format!("{}@acme.test", uuid::Uuid::now_v7()), "role_id": shows });
        beyond(clerk.post("/invitations", invitation).await, HIDDEN);

        let made = acme.ana.post("/service-accounts", service).await.expect(StatusCode::CREATED);
        let key = json!({ "name": "Key", "permissions": [held], "member_id": made["id"] });
        beyond(clerk.post("/api-keys", key).await, HIDDEN);
    }
}

#[tokio::test]
async fn a_role_that_others_hold_is_not_widened_beyond_the_authors_sight() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member_without(acme.ana.account, CLERK, &[HIDDEN]).await;
    let eve = acme.nexo.member(acme.ana.account, "").await;
    let blind = acme.made_role(&acme.ana, &["client:read"], &[HIDDEN]).await;
    let writes = acme.made_role(&acme.ana, &["client:write"], &[]).await;
    acme.give(&acme.ana, eve.user, &[&blind, &writes]).await.expect(StatusCode::OK);

    let sees = json!({ "hidden_fields": [] });
    beyond(acme.edit_role(&clerk, &blind, sees.clone()).await, HIDDEN);
    // Without the role that hides the field, the other role shows it. So the clerk can neither remove that role nor
    // unhide the field.
    beyond(acme.edit_role(&clerk, &blind, json!({ "permissions": [], "hidden_fields": [] })).await, HIDDEN);
    beyond(acme.give(&clerk, eve.user, &[&writes]).await, HIDDEN);
    acme.edit_role(&clerk, &blind, json!({ "permissions": ["client:read@own"] }))
        .await
        .expect(StatusCode::OK);
    acme.give(&clerk, eve.user, &[&blind]).await.expect(StatusCode::OK);
    acme.edit_role(&acme.ana, &blind, sees).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn readmitting_a_member_needs_the_right_to_grant_all_that_they_have() {
    let acme = Company::new().await;
    let clerk = acme.nexo.member_without(acme.ana.account, CLERK, &[HIDDEN]).await;
    let eve = acme.nexo.member(acme.ana.account, "client:delete").await;
    let suspend = json!({ "status": "suspended" });
    acme.change(&acme.ana, eve.user, suspend).await.expect(StatusCode::OK);
    let let_in = json!({ "status": "active" });
    beyond(acme.change(&clerk, eve.user, let_in.clone()).await, HIDDEN);
    acme.change(&acme.ana, eve.user, let_in).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_key_of_ones_own_follows_what_becomes_of_its_maker() {
    let acme = Company::new().await;
    let eve = acme.nexo.member(acme.ana.account, "client:read client:write api_key:write").await;
    let key = json!({ "name": "Mine", "permissions": ["client:read", "client:write"] });
    let key = eve.post("/api-keys", key).await.expect(StatusCode::CREATED);
    let rights = async || {
        let shown = json!({ "api_key": key["key"] });
        let tokens = crate::post(&acme.nexo, "token", shown).await.expect(StatusCode::OK);
        let mut program = eve.clone();
        program.token = tokens["access_token"].as_str().unwrap().to_owned();
        program.get("/auth/me").await.expect(StatusCode::OK)["permissions"].clone()
    };
    assert_eq!(rights().await, json!(["client:read", "client:write"]));
    let less = acme.made_role(&acme.ana, &["client:read@own"], &[]).await;
    acme.give(&acme.ana, eve.user, &[&less]).await.expect(StatusCode::OK);
    assert_eq!(rights().await, json!(["client:read@own"]));
}

#[tokio::test]
async fn a_programs_key_administers_nothing_that_its_grantor_may_no_longer() {
    let acme = Company::new().await;
    let boss = acme.somebody("admin").await;
    let role =
        acme.made_role(&acme.ana, &["client:write", "member:*", "invitation:*", "api_key:*"], &[]).await;
    let robot = json!({ "name": "Robot", "role_ids": [role] });
    let robot = boss.post("/service-accounts", robot).await.expect(StatusCode::CREATED)["id"].clone();
    let all = json!(["client:write", "member:read", "member:write", "invitation:*", "api_key:*"]);
    let key = json!({ "name": "Key", "permissions": all, "member_id": robot });
    let mut program = boss.clone();
    let key = boss.post("/api-keys", key).await.expect(StatusCode::CREATED)["key"].clone();
    let exchange = async |key: &Value| {
        let tokens = crate::post(&acme.nexo, "token", json!({ "api_key": key })).await;
        tokens.expect(StatusCode::OK)["access_token"].as_str().unwrap().to_owned()
    };
    program.token = exchange(&key).await;
    let second = json!({ "name": "Second", "permissions": all });
    let second = program.post("/api-keys", second).await.expect(StatusCode::CREATED)["key"].clone();
    let none = acme.made_role(&acme.ana, &[], &[]).await;
    let invitation = json!({ "email": "eve@new.test", "role_id": none });
    program.post("/invitations", invitation).await.expect(StatusCode::CREATED);

    acme.change(&acme.ana, boss.user, json!({ "status": "suspended" })).await.expect(StatusCode::OK);
    assert_eq!(program.get("/auth/me").await.status, StatusCode::UNAUTHORIZED, "with the very next request");
    let let_in = json!({ "status": "active" });
    for key in [&key, &second] {
        program.token = exchange(key).await;
        let rights = program.get("/auth/me").await.expect(StatusCode::OK)["permissions"].clone();
        assert_eq!(rights, json!(["client:write"]), "records alone");
        assert_eq!(acme.change(&program, boss.user, let_in.clone()).await.status, StatusCode::FORBIDDEN);
    }
    let token = crate::letter(&acme.nexo, "eve@new.test").await["token"].clone();
    let eve = json!({ "token": token, "display_name": "Eve", "password": crate::PASSWORD });
    crate::post(&acme.nexo, "invitations/accept", eve).await.expect(StatusCode::UNPROCESSABLE_ENTITY);

    acme.change(&acme.ana, boss.user, let_in).await.expect(StatusCode::OK);
    program.token = exchange(&key).await;
    program.get("/members").await.expect(StatusCode::OK);
}
