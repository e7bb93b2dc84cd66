use crm_service::suppliers::Supplier;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::Person;

use crate::nexo;

const RIGHTS: &str = "supplier:read supplier:write supplier:delete";

fn sample(owner: &Person) -> Value {
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
    testkit::keeps::<Supplier>(&nexo().await, sample, change).await;
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
