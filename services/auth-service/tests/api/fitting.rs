//! Limits on roles, and on the sum of a member's roles: a token fits into every header.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{PASSWORD, company::Company, company::person, letter, post};

#[tokio::test]
async fn a_hidden_field_is_one_that_there_is_and_that_can_be_hidden() {
    let acme = Company::new().await;
    let role = |permissions: &[&str], hidden: &str| json!({ "name": uuid::Uuid::now_v7(), "permissions": permissions, "hidden_fields": ["client.email", hidden] });
    let every =
        ["id", "version", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by"];
    let mut wrong: Vec<String> = every.map(|field| format!("client.{field}")).to_vec();
    wrong.extend(
        [
            "client.credit_limt",
            "client.nonsense",
            "client.",
            "spaceship.name",
            "role.name",
            "import.file_name",
            "name",
        ]
        .map(ToOwned::to_owned),
    );
    for field in wrong {
        let answer = acme.ana.post("/roles", role(&["client:read"], &field)).await;
        let problem = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "/hidden_fields", "{field}");
        assert!(
            problem["errors"][0]["message"].as_str().unwrap().contains(&format!("`{field}`")),
            "{problem}"
        );
    }
    for creates in ["client:write", "client:write@own", "client:*", "*:write"] {
        let problem = acme.ana.post("/roles", role(&[creates], "client.name")).await;
        let problem = problem.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["code"], "role-hides-required", "{creates}");
        assert_eq!(problem["errors"][0]["pointer"], "/hidden_fields");
    }
    acme.ana.post("/roles", role(&["client:write"], "client.status")).await.expect(StatusCode::CREATED);
    let reads = acme.ana.post("/roles", role(&["client:read", "client:delete"], "client.name")).await;
    let reads = reads.expect(StatusCode::CREATED);
    let wider = acme.edit_role(&acme.ana, &reads["id"], json!({ "permissions": ["client:write"] })).await;
    assert_eq!(wider.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "role-hides-required");
}

#[tokio::test]
async fn every_hideable_field_is_listed() {
    let acme = Company::new().await;
    let catalogue = acme.ana.get("/permissions").await.expect(StatusCode::OK);
    let all = catalogue["data"].as_array().unwrap();
    let hidden: Vec<&Value> = all.iter().flat_map(|one| one["hidden_fields"].as_array().unwrap()).collect();
    assert!(hidden.len() > 100 && hidden.contains(&&json!("client.credit_limit")));
    for part in hidden.chunks(50) {
        let role = json!({ "name": uuid::Uuid::now_v7(), "permissions": [], "hidden_fields": part });
        acme.ana.post("/roles", role).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_role_that_hides_what_there_is_not_works_as_it_did() {
    let acme = Company::new().await;
    let eve = acme.nexo.member_without(acme.ana.account, "client:read", &["client.nonsense"]).await;
    eve.get("/auth/me").await.expect(StatusCode::OK);
    let rights = acme.ana.get(&format!("/members/{}/permissions", eve.user)).await.expect(StatusCode::OK);
    assert_eq!(rights["hidden_fields"], json!(["client.nonsense"]));
    let suspend = json!({ "status": "suspended" });
    acme.change(&acme.ana, eve.user, suspend).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn names_of_a_role_are_kept_once() {
    let acme = Company::new().await;
    let twice = json!({ "name": "Twice", "permissions": vec!["client:read"; 5_000], "hidden_fields": vec!["client.email"; 5_000] });
    let made = acme.ana.post("/roles", twice).await.expect(StatusCode::CREATED);
    assert_eq!(
        (&made["permissions"], &made["hidden_fields"]),
        (&json!(["client:read"]), &json!(["client.email"]))
    );
    let key = json!({ "name": "Key", "permissions": vec!["client:read"; 5_000] });
    let made = acme.ana.post("/api-keys", key).await.expect(StatusCode::CREATED);
    assert_eq!(made["permissions"], json!(["client:read"]));
}

/// A name of which each character takes six bytes in a token.
fn long(at: usize) -> String {
    format!("{at:03}{}", "\u{1}".repeat(90))
}

#[tokio::test]
async fn what_a_member_has_together_fits_a_token_however_they_came_to_it() {
    let acme = Company::new().await;
    let eve = acme.nexo.member(acme.ana.account, "").await;
    let mut roles = Vec::new();
    for at in 0..10 {
        let role = json!({ "name": long(at), "permissions": ["client:read"] });
        roles.push(acme.ana.post("/roles", role).await.expect(StatusCode::CREATED)["id"].clone());
    }
    let too_many = |answer: testkit::TestResponse| {
        assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "too-many-rights");
    };
    let all: Vec<&Value> = roles.iter().collect();
    too_many(acme.give(&acme.ana, eve.user, &all).await);
    too_many(acme.ana.post("/service-accounts", json!({ "name": "Robot", "role_ids": roles })).await);
    let most = &all[..9];
    acme.give(&acme.ana, eve.user, most).await.expect(StatusCode::OK);

    // A role's name grows beyond the limit.
    let short = acme.made_role(&acme.ana, &["client:read"], &[]).await;
    let with_short: Vec<&Value> = most.iter().copied().chain([&short]).collect();
    acme.give(&acme.ana, eve.user, &with_short).await.expect(StatusCode::OK);
    too_many(acme.edit_role(&acme.ana, &short, json!({ "name": "\u{1}".repeat(100) })).await);
}

#[tokio::test]
async fn twenty_roles_are_as_many_as_a_member_has() {
    let acme = Company::new().await;
    let ben = person(&acme.nexo, &crate::registered(&acme.nexo, "ben@other.test", "Other").await);
    let mut roles = Vec::new();
    for _ in 0..21 {
        roles.push(acme.made_role(&acme.ana, &[], &[]).await);
    }
    let accept = async |role: &Value| {
        let asked = json!({ "email": "ben@other.test", "role_id": role });
        acme.ana.post("/invitations", asked).await.expect(StatusCode::CREATED);
        let token = letter(&acme.nexo, "ben@other.test").await["token"].clone();
        ben.post("/invitations/accept", json!({ "token": token })).await
    };
    accept(&roles[0]).await.expect(StatusCode::OK);
    let twenty: Vec<&Value> = roles[..20].iter().collect();
    acme.give(&acme.ana, ben.user, &twenty).await.expect(StatusCode::OK);
    let all: Vec<&Value> = roles.iter().collect();
    assert_eq!(acme.give(&acme.ana, ben.user, &all).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_largest_token_that_roles_can_make_is_under_8_kib() {
    let acme = Company::new().await;
    let eve = crate::registered(&acme.nexo, "eve@other.test", "Other").await;
    let eve = person(&acme.nexo, &eve);
    let catalogue = acme.ana.get("/permissions").await.expect(StatusCode::OK);
    let all = |name: &str| -> Vec<String> {
        let of = catalogue["data"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|one| one[name].as_array().unwrap().clone());
        of.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    // All permissions by name, the maximum of hidden fields per role, and names of maximum length.
    let reads = |text: &String| !text.ends_with(":write");
    let (all_of_it, hidden) = (all("permissions"), all("hidden_fields"));
    let (permissions, writes): (Vec<_>, Vec<_>) = all_of_it.into_iter().partition(reads);
    let hidden: Vec<_> = hidden.into_iter().filter(|field| !field.starts_with("client.")).take(50).collect();
    let mut parts = vec![(permissions, hidden), (writes, Vec::new())];
    parts.resize(20, (Vec::new(), Vec::new()));
    let asked = json!({ "email": "eve@other.test", "role_id": acme.made_role(&acme.ana, &[], &[]).await });
    acme.ana.post("/invitations", asked).await.expect(StatusCode::CREATED);
    let token = letter(&acme.nexo, "eve@other.test").await["token"].clone();
    eve.post("/invitations/accept", json!({ "token": token })).await.expect(StatusCode::OK);
    let mut held = Vec::new();
    for (at, (permissions, hidden)) in parts.into_iter().enumerate() {
        let letters = if at < 2 {
            0
        } else if at < 11 {
            90
        } else {
            10
        };
        let name = format!("{at:02}{}", "\u{1}".repeat(letters));
        let role = json!({ "name": name, "permissions": permissions, "hidden_fields": hidden });
        held.push(acme.ana.post("/roles", role).await.expect(StatusCode::CREATED)["id"].clone());
        let answer = acme.change(&acme.ana, eve.user, json!({ "roles": held })).await;
        if answer.status != StatusCode::OK {
            held.pop();
        }
    }
    let login = json!({ "email": "eve@other.test", "password": PASSWORD, "account": "acme" });
    let tokens = post(&acme.nexo, "login", login).await.expect(StatusCode::OK);
    let length = tokens["access_token"].as_str().unwrap().len();
    assert!((6_000..8_192).contains(&length), "{length}");
}
