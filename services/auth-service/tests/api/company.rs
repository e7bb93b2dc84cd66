//! Fixture: a company with members in several roles.

use http::{Method, StatusCode};
use kernel::UserId;
use serde_json::{Value, json};
use testkit::{TestApp, TestResponse, TestUser};
use uuid::Uuid;

use crate::{nexo, registered};

/// A running service with the account Acme and its owner Ana.
pub(crate) struct Company {
    pub(crate) nexo: TestApp,
    pub(crate) ana: TestUser,
}

pub(crate) fn person(nexo: &TestApp, tokens: &Value) -> TestUser {
    let id = |name: &str| tokens[name].as_str().unwrap().parse::<Uuid>().unwrap();
    TestUser {
        service: nexo.router.clone(),
        token: tokens["access_token"].as_str().unwrap().to_owned(),
        account: id("account_id").into(),
        user: id("user_id").into(),
    }
}

impl Company {
    pub(crate) async fn new() -> Self {
        let nexo = nexo().await;
        let ana = person(&nexo, &registered(&nexo, "ana@acme.test", "Acme").await);
        Self { nexo, ana }
    }

    /// The id of one of Acme's roles, by name.
    pub(crate) async fn role(&self, name: &str) -> Value {
        let filter = format!("/roles?filter=name%5Beq%5D:%22{name}%22");
        let found = self.ana.get(&filter).await.expect(StatusCode::OK);
        found["data"][0]["id"].clone()
    }

    /// Adds a member with exactly one of the standard roles.
    pub(crate) async fn somebody(&self, role: &str) -> TestUser {
        let wanted = identity::STANDARD_ROLES.iter().find(|known| known.name == role).unwrap();
        let somebody = self.nexo.member(self.ana.account, &wanted.permissions.join(" ")).await;
        let id = self.role(role).await;
        let statement =
            format!("update app.member_roles set role_id = {id} where user_id = '{}'", somebody.user);
        self.nexo.ground.database.run(&statement.replace('"', "'")).await;
        somebody
    }

    /// Reads a member as `who`.
    pub(crate) async fn member(&self, who: &TestUser, id: UserId) -> Value {
        who.get(&format!("/members/{id}")).await.expect(StatusCode::OK)
    }

    /// Updates a member as `who`.
    pub(crate) async fn change(&self, who: &TestUser, id: UserId, change: Value) -> TestResponse {
        let seen = self.member(&self.ana, id).await;
        who.patch(&format!("/members/{id}"), &seen, change).await
    }

    /// Sets a member's roles by name as `who`.
    pub(crate) async fn appoint(&self, who: &TestUser, id: UserId, roles: &[&str]) -> TestResponse {
        let mut ids = Vec::new();
        for role in roles {
            ids.push(self.role(role).await);
        }
        self.change(who, id, json!({ "roles": ids })).await
    }

    /// Removes a member as `who`.
    pub(crate) async fn remove(&self, who: &TestUser, id: UserId) -> TestResponse {
        let seen = self.member(&self.ana, id).await;
        who.send(Method::DELETE, &format!("/members/{id}"), Some(&seen["version"]), None).await
    }
}
