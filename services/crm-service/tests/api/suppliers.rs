use crm_service::suppliers::{Supplier, SupplierRelation};
use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;

use crate::{made, nexo};

const RIGHTS: &str = "supplier:read supplier:write supplier:delete";

fn sample(owner: &TestUser) -> Value {
    json!({
        "name": "Acme Ltd.", "email": "sales@acme.test", "phone": "+34 600 000 000", "tax_id": "B-1",
        "website": "https://acme.test", "payment_days": 30, "lead_time_days": 12, "rating": 0,
        "categories": ["steel", "Schrauben"], "currency": "EUR", "external_ids": { "sap": "4711", "a/b": "ü" },
        "street": "1 Road", "city": "Málaga", "region": "Andalucía", "postal_code": "29001", "country": "Spain",
        "owner_id": owner.user, "notes": "Late.",
    })
}

#[tokio::test]
async fn suppliers_are_kept() {
    let change = json!({ "tax_id": null, "categories": [], "rating": 5 });
    testkit::assert_resource_contract::<Supplier>(&nexo().await, sample, change).await;
}

#[tokio::test]
async fn a_tax_id_belongs_to_one_supplier_of_an_account() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(RIGHTS).await, nexo.person(RIGHTS).await);
    let acme = json!({ "name": "Acme", "tax_id": "B-1" });
    assert_eq!(ana.post("/suppliers", acme.clone()).await.status, StatusCode::CREATED);
    assert_eq!(ben.post("/suppliers", acme.clone()).await.status, StatusCode::CREATED);
    let problem = ana.post("/suppliers", acme).await.expect(StatusCode::CONFLICT);
    assert_eq!(problem["errors"][0]["pointer"], "/tax_id");
}

#[tokio::test]
async fn what_others_call_a_supplier_changes_one_by_one_and_is_bounded() {
    let ana = nexo().await.person(RIGHTS).await;
    let acme = json!({ "name": "Acme", "external_ids": { "sap": "1", "dhl": "2" } });
    let made = ana.post("/suppliers", acme).await.expect(StatusCode::CREATED);
    let path = format!("/suppliers/{}", made["id"].as_str().unwrap());
    let patch = json!({ "external_ids": { "dhl": null, "ups": "3" } });
    let changed = ana.patch(&path, &made, patch).await.expect(StatusCode::OK);
    assert_eq!(changed["external_ids"], json!({ "sap": "1", "ups": "3" }));
    let many: Value =
        (0..51).map(|at| (at.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    for (body, pointer) in [
        (json!({ "name": "a", "external_ids": many }), "/external_ids"),
        (json!({ "name": "a", "external_ids": { "sap": "" } }), "/external_ids"),
        (json!({ "name": "a", "external_ids": { "sap": 1 } }), "/external_ids/sap"),
        (json!({ "name": "a", "categories": [""] }), "/categories"),
        (json!({ "name": "a", "payment_days": 366 }), "/payment_days"),
        (json!({ "name": "a", "rating": -1 }), "/rating"),
    ] {
        let problem = ana.post("/suppliers", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

const RELATIONS: &str = "supplier:* supplier_relation:*";

#[tokio::test]
async fn relations_of_suppliers_are_kept() {
    let sample = async |person: &TestUser| {
        let one = made(person, "/suppliers", json!({ "name": "Acme" })).await;
        let other = made(person, "/suppliers", json!({ "name": "Borealis" })).await;
        json!({ "from_id": one["id"], "to_id": other["id"], "kind": "parent", "notes": "Since 2019." })
    };
    let change = json!({ "kind": "distributor", "notes": null });
    testkit::assert_resource_contract_with_references::<SupplierRelation>(
        &nexo().await,
        "supplier:write supplier:read",
        sample,
        change,
    )
    .await;
}

#[tokio::test]
async fn relations_of_suppliers_out_of_scope_are_not_revealed() {
    let nexo = nexo().await;
    let ana = nexo.person(RELATIONS).await;
    let ben = nexo.member(ana.account, "supplier:read@own supplier_relation:*").await;
    let one = made(&ana, "/suppliers", json!({ "name": "Acme" })).await["id"].clone();
    let own = json!({ "name": "Borealis", "owner_id": ben.user });
    let own = made(&ana, "/suppliers", own).await["id"].clone();
    let relation =
        |from: &Value, to: &Value, kind: &str| json!({ "from_id": from, "to_id": to, "kind": kind });
    made(&ana, "/supplier-relations", relation(&one, &own, "parent")).await;
    let seen = made(&ana, "/supplier-relations", relation(&one, &own, "partner")).await;
    let path = format!("/supplier-relations/{}", seen["id"].as_str().unwrap());
    for (answer, pointer) in [
        (ben.post("/supplier-relations", relation(&one, &own, "parent")).await, "/from_id"),
        (ben.post("/supplier-relations", relation(&own, &one, "parent")).await, "/to_id"),
        (ben.patch(&path, &seen, json!({ "kind": "parent" })).await, "/from_id"),
        (ben.patch(&path, &seen, json!({ "to_id": one, "from_id": own })).await, "/to_id"),
    ] {
        let problem = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let of = format!("/suppliers/{}/relations", one.as_str().unwrap());
    assert_eq!(ben.get(&of).await.status, StatusCode::NOT_FOUND);
    let found = ben.get(&format!("{path}?expand=from,to")).await.expect(StatusCode::OK);
    assert_eq!((&found["from"], &found["to"]["name"]), (&Value::Null, &json!("Borealis")));
}

#[tokio::test]
async fn a_relation_shows_from_both_ends_and_is_there_once() {
    let nexo = nexo().await;
    let (ana, eve) = (nexo.person(RELATIONS).await, nexo.person(RELATIONS).await);
    let mut suppliers = Vec::new();
    for name in ["Acme", "Borealis", "Cadiz"] {
        suppliers.push(made(&ana, "/suppliers", json!({ "name": name })).await["id"].clone());
    }
    let [acme, borealis, cadiz] = [&suppliers[0], &suppliers[1], &suppliers[2]];
    let theirs = made(&eve, "/suppliers", json!({ "name": "Acme" })).await["id"].clone();
    let relation =
        |from: &Value, to: &Value, kind: &str| json!({ "from_id": from, "to_id": to, "kind": kind });
    let parent = made(&ana, "/supplier-relations", relation(acme, borealis, "parent")).await;
    let partner = made(&ana, "/supplier-relations", relation(cadiz, acme, "partner")).await;
    made(&ana, "/supplier-relations", relation(acme, borealis, "partner")).await;
    for (body, status, code, pointer) in [
        (relation(acme, borealis, "parent"), StatusCode::CONFLICT, "supplier-relation-taken", "/to_id"),
        (relation(borealis, acme, "parent"), StatusCode::CONFLICT, "supplier-relation-taken", "/to_id"),
        (relation(acme, cadiz, "partner"), StatusCode::CONFLICT, "supplier-relation-taken", "/to_id"),
        (
            relation(acme, acme, "partner"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "supplier-relation-to-itself",
            "/to_id",
        ),
        (
            relation(&theirs, acme, "partner"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "supplier-relation-from-unknown",
            "/from_id",
        ),
        (
            relation(acme, &theirs, "partner"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "supplier-relation-to-unknown",
            "/to_id",
        ),
        (relation(acme, borealis, "rival"), StatusCode::UNPROCESSABLE_ENTITY, "invalid", "/kind"),
    ] {
        let problem = ana.post("/supplier-relations", body).await.expect(status);
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["pointer"]),
            (&json!(code), &json!(pointer)),
            "{problem}"
        );
    }
    let of = |id: &Value, more: &str| format!("/suppliers/{}/relations{more}", id.as_str().unwrap());
    let seen = async |id: &Value| {
        let list = ana.get(&of(id, "")).await.expect(StatusCode::OK);
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(acme).await, ["partner", "partner", "parent"]);
    assert_eq!(seen(borealis).await, ["partner", "parent"]);
    assert_eq!(seen(cadiz).await, ["partner"]);
    let first = ana.get(&of(acme, "?limit=2")).await.expect(StatusCode::OK);
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let second = ana.get(&of(acme, &format!("?limit=2&cursor={cursor}"))).await.expect(StatusCode::OK);
    assert_eq!(second["data"], json!([parent]));
    assert_eq!(eve.get(&of(acme, "")).await.status, StatusCode::NOT_FOUND);
    let gone = format!("/supplier-relations/{}", partner["id"].as_str().unwrap());
    ana.delete(&gone, &partner).await;
    assert_eq!(seen(cadiz).await, Vec::<String>::new());
    made(&ana, "/supplier-relations", relation(acme, cadiz, "partner")).await;
    let back = ana.post(&format!("{gone}/restore"), json!({})).await;
    assert_eq!(back.expect(StatusCode::CONFLICT)["code"], "supplier-relation-taken");
}
