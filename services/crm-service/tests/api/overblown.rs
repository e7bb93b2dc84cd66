//! Every part of a request has a size limit.

use serde_json::json;

use crate::{made, nexo};

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how much was tried is what somebody wants to see")]
async fn whatever_is_far_too_much_is_refused_at_once() {
    let nexo = nexo().await;
    let ana = nexo.person("*:*").await;
    let client = made(&ana, "/clients", json!({ "name": "Acme" })).await;
    let supplier = made(&ana, "/suppliers", json!({ "name": "Steel & Co." })).await;
    let other = made(&ana, "/suppliers", json!({ "name": "Iron & Co." })).await;
    let professional = made(&ana, "/professionals", json!({ "name": "Zoe", "time_zone": "UTC" })).await;
    let project =
        made(&ana, "/projects", json!({ "client_id": client["id"], "name": "Roof", "code": "P-1" })).await;
    let task = made(&ana, "/tasks", json!({ "title": "Order slates" })).await;
    let contact = made(&ana, "/contacts", json!({ "first_name": "Zoe", "client_id": client["id"] })).await;
    let employee =
        made(&ana, "/employees", json!({ "code": "E-1", "first_name": "Max", "last_name": "Moe" })).await;
    let booking = json!({ "professional_id": professional["id"], "title": "Visit", "outside_hours": true,
        "starts_at": "2026-06-01T09:00:00Z", "ends_at": "2026-06-01T10:00:00Z" });
    let booking = made(&ana, "/bookings", booking).await;
    let note = json!({ "subject_type": "client", "subject_id": client["id"], "text": "Called." });
    let note = ana.post("/notes", note).await.body;
    let tag = ana.post("/tags", json!({ "name": "new" })).await.body;
    let known = json!({
        "client_id": client["id"], "supplier_id": supplier["id"], "to_id": other["id"], "from_id": supplier["id"],
        "professional_id": professional["id"], "project_id": project["id"], "parent_id": null, "manager_id": null,
        "member_id": null, "owner_id": ana.user, "assignee_id": ana.user, "subject_type": "client",
        "subject_id": client["id"], "tags": [tag["id"]],
    });
    let made_before = [
        ("clients", &client),
        ("suppliers", &supplier),
        ("professionals", &professional),
        ("projects", &project),
        ("tasks", &task),
        ("contacts", &contact),
        ("employees", &employee),
        ("bookings", &booking),
        ("notes", &note),
        ("tags", &tag),
    ];
    let find = |start: &str| {
        let (_, record) = made_before.iter().find(|(plural, _)| start == format!("/api/v1/{plural}"))?;
        Some((record["id"].as_str()?.to_owned(), record["version"].clone()))
    };
    let (_, document) = crm_service::api().split_for_parts();
    let endless = format!("name\n\"{}", "a".repeat(2 * 1024 * 1024));
    let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let large = "a".repeat(17 * 1024 * 1024);
    let media = [("text/csv", endless.as_str()), (workbook, large.as_str())];
    let tried =
        testkit::assert_oversize_rejected(&ana, &document, known.as_object().unwrap(), find, &media).await;
    println!("{} operations × {} cases: {tried:?}", tried.operations, tried.cases());
    assert!(tried.operations > 200 && tried.cases() > 10 * tried.operations, "{tried:?}");
}
