//! Read permissions decide what responses contain, for every documented operation and for restricted callers.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Rights, Sample, Special, TestUser};

use crate::nexo;

/// Samples of all resources, in dependency order.
fn samples() -> Vec<Sample> {
    [companies(), people(), work()].concat()
}

fn companies() -> Vec<Sample> {
    vec![
        Sample::new("tag", "tags", json!({ "name": "~", "colour": "#ff8800" }), json!({ "colour": null })),
        Sample::new(
            "client",
            "clients",
            json!({
                "name": "~", "email": "~@acme.test", "phone": "~", "company": "~", "tax_id": "~", "industry": "~", "rating": 4,
                "website": "https://~.test", "billing_street": "~", "billing_city": "~", "billing_region": "~",
                "billing_postal_code": "~", "billing_country": "~", "credit_limit": "1500.00", "currency": "EUR",
                "status": "active", "owner_id": "$boss", "notes": "~",
            }),
            json!({ "rating": 5 }),
        ),
        Sample::new(
            "supplier",
            "suppliers",
            json!({
                "name": "~", "email": "~@acme.test", "phone": "~", "tax_id": "~", "website": "https://~.test", "payment_days": 30,
                "lead_time_days": 12, "rating": 0, "categories": ["~"], "currency": "EUR", "external_ids": { "sap": "~" },
                "street": "~", "city": "~", "region": "~", "postal_code": "~", "country": "~", "owner_id": "$boss", "notes": "~",
            }),
            json!({ "rating": 5 }),
        ),
        Sample::new(
            "supplier_relation",
            "supplier-relations",
            json!({ "from_id": "$suppliers", "to_id": "$new-suppliers", "kind": "parent", "notes": "~" }),
            json!({ "notes": null }),
        ),
    ]
}

fn people() -> Vec<Sample> {
    vec![
        Sample::new(
            "contact",
            "contacts",
            json!({
                "client_id": "$clients", "supplier_id": "$suppliers", "first_name": "~", "last_name": "~", "job_title": "~",
                "is_primary": false, "birthday": "1984-02-29", "emails": [{ "kind": "work", "address": "~@acme.test" }],
                "phones": [{ "kind": "mobile", "number": "~" }], "email_consent": true, "phone_consent": false,
                "marketing_consent": false, "owner_id": "$boss", "notes": "~",
            }),
            json!({ "birthday": null }),
        ),
        Sample::new(
            "employee",
            "employees",
            json!({
                "code": "~", "first_name": "~", "last_name": "~", "email": "~@acme.test", "phone": "~", "department": "~",
                "position": "~", "hire_date": "2024-02-29", "hourly_rate": "12.50", "currency": "EUR", "skills": ["~"],
            }),
            json!({ "hire_date": null }),
        ),
        Sample::new(
            "professional",
            "professionals",
            json!({
                "name": "~", "email": "~@acme.test", "phone": "~", "specialties": ["~"], "skills": [{ "name": "~", "level": 5 }],
                "services": [{ "name": "~", "rate": "45.50", "currency": "EUR", "unit": "hour" }],
                "certifications": [{ "name": "~", "issuer": "~", "issued_on": "2024-02-29", "expires_on": "2027-02-28" }],
                "rating": 5, "portfolio_url": "https://~.test", "currency": "EUR", "time_zone": "UTC",
                "weekly_hours": [{ "weekday": "monday", "from": "00:00", "to": "24:00" }],
                "exceptions": [{ "first_day": "2026-12-24", "last_day": "2026-12-26", "hours": [], "reason": "~" }],
                "status": "active", "owner_id": "$boss", "bio": "~",
            }),
            json!({ "rating": null }),
        ),
    ]
}

fn work() -> Vec<Sample> {
    vec![
        Sample::new(
            "project",
            "projects",
            json!({
                "client_id": "$clients", "name": "~", "code": "~", "description": "~", "budget": "10000.00", "actual_cost": "0.00",
                "currency": "EUR", "progress": 0, "starts_on": "2026-03-01", "ends_on": "2026-03-01", "status": "planned",
                "owner_id": "$boss",
            }),
            json!({ "progress": 50 }),
        ),
        Sample::new(
            "booking",
            "bookings",
            json!({
                "professional_id": "$professionals", "client_id": "$clients", "project_id": "$projects", "title": "~",
                "starts_at": "2026-06-01T09:00:00Z", "ends_at": "2026-06-01T10:30:00Z", "status": "cancelled",
                "outside_hours": true, "rate": "45.50", "unit": "hour", "currency": "EUR", "notes": "~",
            }),
            json!({ "rate": null }),
        ),
        Sample::new(
            "task",
            "tasks",
            json!({
                "project_id": "$projects", "title": "~", "description": "~", "assignee_id": "$boss", "priority": "urgent",
                "status": "done", "due_at": "2026-03-01T09:30:00Z", "completed_at": "2026-02-28T10:00:00Z",
                "checklist": [{ "text": "~", "done": true }],
            }),
            json!({ "priority": "low" }),
        ),
        Sample::new(
            "note",
            "notes",
            json!({ "subject_type": "client", "subject_id": "$clients", "body": "~" }),
            json!({ "body": "~" }),
        ),
        Sample::new(
            "activity",
            "activities",
            json!({
                "kind": "call", "subject_type": "client", "subject_id": "$clients", "at": "2026-03-01T09:30:00Z",
                "duration_minutes": 15, "summary": "~", "outcome": "~",
            }),
            json!({ "duration_minutes": 20 }),
        ),
    ]
}

/// Operations whose request cannot be derived from their path.
const SPECIAL: &[fn() -> Special] = &[
    || ("GET /audit-log", "limit=20&record_id=$base", Value::Null),
    || ("GET /audit-log/export", "format=ndjson&record_id=$base", Value::Null),
    || ("GET /employees/org-chart", "", Value::Null),
    || ("GET /explain", "member=$boss&permission=client:read&resource=client&id=$clients", Value::Null),
    || ("GET /imports", "", Value::Null),
    || ("GET /imports/{id}", "", Value::Null),
    || ("GET /imports/{id}/errors", "phase=check", Value::Null),
    || ("GET /imports/{id}/errors.csv", "phase=check", Value::Null),
    || ("POST /imports", "resource=clients&file_name=a.csv", Value::Null),
    || {
        (
            "PUT /imports/{id}/plan",
            "",
            json!({ "mode": "create", "mapping": [{ "field": "name", "column": "name" }] }),
        )
    },
    || ("POST /imports/{id}/check", "", Value::Null),
    || ("POST /imports/{id}/start", "", Value::Null),
    || ("POST /imports/{id}/cancel", "", Value::Null),
    || ("POST /imports/{id}/undo", "", Value::Null),
    || ("DELETE /imports/{id}", "", Value::Null),
    || ("GET /schema", "", Value::Null),
    || ("GET /notifications", "", Value::Null),
    || ("POST /notifications/read-all", "", Value::Null),
    || ("POST /notifications/{id}/read", "", Value::Null),
    || ("POST /notifications/{id}/unread", "", Value::Null),
    || ("GET /notifications/preferences", "", Value::Null),
    || ("PUT /notifications/preferences", "", json!({})),
    || ("GET /professionals/available", "from=2026-06-01T09:00:00Z&to=2026-06-01T10:00:00Z", Value::Null),
    || ("GET /professionals/{id}/availability", "", Value::Null),
    || ("PUT /professionals/{id}/availability", "", json!({ "weekly_hours": [], "exceptions": [] })),
    || {
        (
            "GET /professionals/{id}/free-slots",
            "from=2026-06-01T09:00:00Z&to=2026-06-02T09:00:00Z",
            Value::Null,
        )
    },
    || ("GET /suppliers/{id}/relations", "", Value::Null),
];

/// Uploads a file of clients as the boss.
async fn import(rights: &Rights<'_>, boss: &TestUser) -> Value {
    let path = "/api/v1/imports?resource=clients&file_name=a.csv";
    let (name, phone) = (rights.mark("clients", "name"), rights.mark("clients", "phone"));
    let file = format!("name,phone\n{name}0,{phone}0\n");
    let sent = boss.send_raw(Method::POST, path, &[("content-type", "text/csv")], file).await;
    sent.expect(StatusCode::CREATED)["id"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "how much was tried is part of the result")]
async fn every_operation_shows_what_its_caller_may_see() {
    let nexo = nexo().await;
    let document = crm_service::api().to_openapi();
    let others = "import:* audit_log:read member:read";
    let rights =
        Rights::new(nexo, &document, samples(), others, SPECIAL).await.beside("imports", import).await;
    let (operations, requests) = rights.hold().await;
    println!("{operations} operations, {requests} requests");
    assert!(requests > 10 * operations, "{requests} requests to {operations} operations");
}
