//! Accounts that require a second factor of all members.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use super::{Ana, refused};
use crate::{PASSWORD, company::person, me, post};

async fn require(person: &TestUser) -> TestResponse {
    let rules = person.get("/account").await;
    let version = rules.header("etag").unwrap().trim_matches('"').parse::<i64>().unwrap();
    person.patch("/account", &json!({ "version": version }), json!({ "require_second_factor": true })).await
}

async fn rights(ana: &Ana, tokens: &Value) -> (Value, Value, Value) {
    let me = me(&ana.nexo, tokens).await.expect(StatusCode::OK);
    (tokens["second_factor_missing"].clone(), me["roles"].clone(), me["permissions"].clone())
}

/// Ben, who owns another account and is an administrator of Ana's.
async fn ben(ana: &Ana) -> Ana {
    let ben = Ana::called(&ana.nexo, "ben@other.test", "Other").await;
    let (acme, ben_id) = (ana.person.account, ben.person.user);
    ana.run(&format!(
        "insert into app.memberships (account_id, user_id) values ('{acme}', '{ben_id}');
         insert into app.member_roles (account_id, user_id, role_id)
         select '{acme}', '{ben_id}', id from app.roles where account_id = '{acme}' and name = 'admin';"
    ))
    .await;
    ben
}

#[tokio::test]
async fn requiring_a_second_factor_needs_one() {
    let mut ana = Ana::without().await;
    refused(require(&ana.person).await, StatusCode::CONFLICT, "second-factor-required-first");
    ana.begin().await;
    refused(require(&ana.person).await, StatusCode::CONFLICT, "second-factor-required-first");
    ana.confirm().await;
    require(&ana.person).await.expect(StatusCode::OK);
    ana.refresh().await;
    assert_eq!(rights(&ana, &ana.tokens).await, (json!(false), json!(["owner"]), json!(["*:*"])));
}

#[tokio::test]
async fn without_the_required_factor_a_member_can_add_one_and_nothing_else() {
    let ana = Ana::with().await;
    let mut ben = ben(&ana).await;
    let in_acme = json!({ "email": ben.email, "password": PASSWORD, "account": "acme" });
    let before = post(&ana.nexo, "login", in_acme.clone()).await.expect(StatusCode::OK);
    assert_eq!(rights(&ana, &before).await.0, false);
    person(&ana.nexo, &before).get("/members").await.expect(StatusCode::OK);

    require(&ana.person).await.expect(StatusCode::OK);
    let next = person(&ana.nexo, &before).get("/members").await;
    assert_eq!(next.status, StatusCode::UNAUTHORIZED, "with the very next request");
    let next = post(&ana.nexo, "refresh", json!({ "refresh_token": before["refresh_token"] })).await;
    ben.tokens = next.expect(StatusCode::OK);
    ben.person = person(&ana.nexo, &ben.tokens);
    let login = post(&ana.nexo, "login", in_acme).await.expect(StatusCode::OK);
    for tokens in [&ben.tokens, &login] {
        assert_eq!(rights(&ana, tokens).await, (json!(true), json!([]), json!([])));
        let members = person(&ana.nexo, tokens).get("/members").await;
        assert_eq!(members.status, StatusCode::FORBIDDEN);
    }
    let own = format!("/accounts/{}/sessions", ben_account(&ana, &ben).await.as_str().unwrap());
    let own = ben.person.post(&own, json!({})).await.expect(StatusCode::OK);
    assert_eq!(rights(&ana, &own).await, (json!(false), json!(["owner"]), json!(["*:*"])), "his own account");

    ben.begin().await;
    ben.confirm().await;
    assert_eq!(rights(&ana, &ben.tokens).await, (json!(false), json!(["admin"]), json!(["*:*"])));
}

#[tokio::test]
async fn removing_a_required_factor_ends_the_rights_with_the_next_request() {
    let ana = Ana::with().await;
    let mut ben = ben(&ana).await;
    ben.begin().await;
    ben.confirm().await;
    require(&ana.person).await.expect(StatusCode::OK);
    let there = ben.person.post(&format!("/accounts/{}/sessions", ana.person.account), json!({})).await;
    let there = there.expect(StatusCode::OK);
    person(&ana.nexo, &there).get("/members").await.expect(StatusCode::OK);
    let removed = ben.person.send(Method::DELETE, "/auth/second-factor", None, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(person(&ana.nexo, &there).get("/members").await.status, StatusCode::UNAUTHORIZED);
    let next = post(&ana.nexo, "refresh", json!({ "refresh_token": there["refresh_token"] })).await;
    let next = next.expect(StatusCode::OK);
    assert_eq!(rights(&ana, &next).await, (json!(true), json!([]), json!([])));
}

/// Id of the account that Ben registered.
async fn ben_account(ana: &Ana, ben: &Ana) -> Value {
    let places = ben.person.get("/accounts").await.expect(StatusCode::OK);
    let own = places["data"].as_array().unwrap().iter().find(|place| place["slug"] == "other").unwrap();
    assert_ne!(own["account_id"], json!(ana.person.account));
    own["account_id"].clone()
}
