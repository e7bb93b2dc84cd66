//! A company with people in several roles.

use http::{Method, StatusCode};
use kernel::UserId;
use serde_json::{Value, json};
use testkit::{Answer, Nexo, Person};
use uuid::Uuid;

use crate::{nexo, registered};

/// A service, and Acme with its owner Ana.
pub(crate) struct Company {
    pub(crate) nexo: Nexo,
    pub(crate) ana: Person,
}

pub(crate) fn person(nexo: &Nexo, tokens: &Value) -> Person {
    let id = |name: &str| tokens[name].as_str().unwrap().parse::<Uuid>().unwrap();
    Person {
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

    /// The id of a role of Acme.
    pub(crate) async fn role(&self, name: &str) -> Value {
        let filter = format!("/roles?filter=name%5Beq%5D:%22{name}%22");
        let found = self.ana.get(&filter).await.expect(StatusCode::OK);
        found["data"][0]["id"].clone()
    }

    /// Somebody who has one of the standard roles, and nothing else.
    pub(crate) async fn somebody(&self, role: &str) -> Person {
        let wanted = identity::STANDARD_ROLES.iter().find(|known| known.name == role).unwrap();
        let somebody = self.nexo.member(self.ana.account, &wanted.permissions.join(" ")).await;
        let id = self.role(role).await;
        let statement =
            format!("update app.member_roles set role_id = {id} where user_id = '{}'", somebody.user);
        self.nexo.ground.database.run(&statement.replace('"', "'")).await;
        somebody
    }

    /// A member as `who` sees them.
    pub(crate) async fn member(&self, who: &Person, id: UserId) -> Value {
        who.get(&format!("/members/{id}")).await.expect(StatusCode::OK)
    }

    /// What comes of it when `who` changes a member.
    pub(crate) async fn change(&self, who: &Person, id: UserId, change: Value) -> Answer {
        let seen = self.member(&self.ana, id).await;
        who.patch(&format!("/members/{id}"), &seen, change).await
    }

    /// What comes of it when `who` gives a member these roles, by name.
    pub(crate) async fn appoint(&self, who: &Person, id: UserId, roles: &[&str]) -> Answer {
        let mut ids = Vec::new();
        for role in roles {
            ids.push(self.role(role).await);
        }
        self.change(who, id, json!({ "roles": ids })).await
    }

    /// What comes of it when `who` removes a member.
    pub(crate) async fn remove(&self, who: &Person, id: UserId) -> Answer {
        let seen = self.member(&self.ana, id).await;
        who.send(Method::DELETE, &format!("/members/{id}"), Some(&seen["version"]), None).await
    }
}
