use crm_service::contacts::Contact;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;
use uuid::Uuid;

use crate::{made, nexo};

const RIGHTS: &str =
    "contact:read contact:write contact:delete client:read client:write supplier:read supplier:write";

async fn sample(owner: &TestUser) -> Value {
    let client = made(owner, "/clients", json!({ "name": "Acme" })).await;
    let supplier = made(owner, "/suppliers", json!({ "name": "Steel & Co." })).await;
    json!({
        "client_id": client["id"], "supplier_id": supplier["id"], "first_name": "Zoë", "last_name": "García",
        "job_title": "Buyer", "is_primary": true, "birthday": "1984-02-29",
        "emails": [{ "kind": "work", "address": "zoe@acme.test" }, { "kind": "personal", "address": "zoe@home.test" }],
        "phones": [{ "kind": "mobile", "number": "+34 600 000 000" }],
        "email_consent": true, "phone_consent": false, "marketing_consent": false,
        "owner_id": owner.user, "notes": "Calls back.",
    })
}

#[tokio::test]
async fn contacts_are_kept() {
    let rights = "client:write client:read supplier:write supplier:read";
    let change = json!({ "is_primary": false, "birthday": null, "phones": [], "supplier_id": null });
    testkit::assert_resource_contract_with_references::<Contact>(&nexo().await, rights, sample, change).await;
}

#[tokio::test]
async fn a_client_has_one_primary_contact() {
    let ana = nexo().await.person(RIGHTS).await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let primary = |name: &str| json!({ "client_id": client["id"], "first_name": name, "is_primary": true });
    let zoe = made(&ana, "/contacts", primary("Zoe")).await;
    let problem = ana.post("/contacts", primary("Max")).await.expect(StatusCode::CONFLICT);
    assert_eq!(problem["code"], "contact-primary-taken");
    assert_eq!(problem["errors"][0]["pointer"], "/is_primary");
    made(&ana, "/contacts", json!({ "client_id": client["id"], "first_name": "Max" })).await;
    made(&ana, "/contacts", json!({ "first_name": "Kim", "is_primary": true })).await;
    let path = format!("/contacts/{}", zoe["id"].as_str().unwrap());
    assert_eq!(ana.delete(&path, &zoe).await.status, StatusCode::NO_CONTENT);
    made(&ana, "/contacts", primary("Eve")).await;
}

#[tokio::test]
async fn whose_contact_it_is_belongs_to_the_same_account() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(RIGHTS).await, nexo.person(RIGHTS).await);
    let theirs = made(&ben, "/clients", json!({ "name": "Acme" })).await["id"].clone();
    let of_client = |id: Value| ana.post("/contacts", json!({ "first_name": "Zoe", "client_id": id }));
    for id in [theirs, json!(Uuid::now_v7())] {
        let problem = of_client(id).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], "contact-client-unknown");
        assert_eq!(problem["errors"][0]["pointer"], "/client_id");
    }
    let nowhere = json!({ "first_name": "Zoe", "supplier_id": Uuid::now_v7() });
    let problem = ana.post("/contacts", nowhere).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/supplier_id");
}

#[tokio::test]
async fn contacts_of_a_client_out_of_scope_are_not_revealed() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let ben = nexo.member(ana.account, "contact:* client:read@own supplier:read@own").await;
    for (column, records) in [("client_id", "/clients"), ("supplier_id", "/suppliers")] {
        for has_primary in [true, false] {
            let theirs = made(&ana, records, json!({ "name": "Acme" })).await["id"].clone();
            made(
                &ana,
                "/contacts",
                json!({ column: theirs, "first_name": "Zoe", "is_primary": has_primary }),
            )
            .await;
            let plain = made(&ana, "/contacts", json!({ column: theirs, "first_name": "Max" })).await;
            let path = format!("/contacts/{}", plain["id"].as_str().unwrap());
            for answer in [
                ben.post("/contacts", json!({ column: theirs, "first_name": "Eve" })).await,
                ben.post("/contacts", json!({ column: theirs, "first_name": "Eve", "is_primary": true }))
                    .await,
                ben.patch(&path, &plain, json!({ "is_primary": true })).await,
            ] {
                let problem = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
                assert_eq!(problem["errors"][0]["pointer"], format!("/{column}"), "{problem}");
            }
            ben.patch(&path, &plain, json!({ "job_title": "Buyer" })).await.expect(StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn contacts_are_found_by_their_client() {
    let ana = nexo().await.person(RIGHTS).await;
    for (client, status, person) in [("Acme", "active", "Zoe"), ("Other", "lead", "Max")] {
        let client = made(&ana, "/clients", json!({ "name": client, "status": status })).await;
        let contact = json!({ "first_name": person, "client_id": client["id"], "birthday": "1984-02-29" });
        made(&ana, "/contacts", contact).await;
    }
    let wanted = json!({ "filter": { "and": [
        { "field": "client.status", "op": "eq", "value": "active" },
        { "field": "birthday", "op": "lt", "value": "1984-03-01" },
    ] }, "expand": ["client"] });
    let found = ana.post("/contacts/search", wanted).await.expect(StatusCode::OK);
    let names: Vec<_> = found["data"].as_array().unwrap().iter().map(|one| &one["first_name"]).collect();
    assert_eq!(names, ["Zoe"]);
    assert_eq!(found["data"][0]["client"]["name"], "Acme");
    let long_ago = json!({ "filter": { "field": "birthday", "op": "gt", "value": "-9999-01-01" } });
    assert_eq!(ana.post("/contacts/search", long_ago).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn explain_names_why_a_member_reaches_a_contact() {
    let nexo = nexo().await;
    let ana = nexo.person(&format!("{RIGHTS} member:read")).await;
    let ben = nexo.member(ana.account, "contact:write@own").await.user;
    for (owner, allowed) in [(json!(ben), true), (json!(ana.user), false)] {
        let contact = made(&ana, "/contacts", json!({ "first_name": "Zoe", "owner_id": owner })).await;
        let id = contact["id"].as_str().unwrap();
        let asked = format!("/explain?member={ben}&permission=contact:write&resource=contact&id={id}");
        assert_eq!(ana.get(&asked).await.expect(StatusCode::OK)["allowed"], allowed);
    }
}

#[tokio::test]
async fn what_is_wrong_within_a_list_is_named() {
    let ana = nexo().await.person(RIGHTS).await;
    for (field, value, pointer) in [
        ("emails", json!([{ "address": "a@b.test" }, { "address": "nobody" }]), "/emails/1/address"),
        ("emails", json!([{ "address": "a@b.test", "kind": "gone" }]), "/emails/0/kind"),
        ("phones", json!([{ "kind": "home" }]), "/phones/0/number"),
        ("phones", json!(vec![json!({ "number": "1" }); 21]), "/phones"),
        ("birthday", json!("1984-02-30"), "/birthday"),
        ("birthday", json!("-9999-01-01"), "/birthday"),
    ] {
        let body = json!({ "first_name": "Zoe", field: value });
        let problem = ana.post("/contacts", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}
