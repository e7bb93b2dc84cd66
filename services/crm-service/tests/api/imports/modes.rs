//! Import modes, references to other records, and undo.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Site, all, counts, errors, imported, path, planned, same, seen, uploaded};
use crate::made;

fn plan(mode: &str, key: &[&str], fields: &[&str]) -> Value {
    json!({ "mode": mode, "key": key, "mapping": same(fields), "nulls": ["NULL"] })
}

fn told(errors: &[Value]) -> Vec<(i64, &str)> {
    errors.iter().map(|one| (one["line"].as_i64().unwrap(), one["code"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_line_makes_or_changes_a_record_as_the_mode_says() {
    let (site, ana) = Site::set().await;
    let fields = ["tax_id", "name", "phone"];
    made(&ana, "/clients", json!({ "tax_id": "B-1", "name": "Old", "phone": "1", "rating": 3 })).await;
    let text = "tax_id,name,phone\nB-1,New,\nB-2,Two,22\nB-2,Twice,NULL\n,None,4\n";
    for (mode, wanted, faults) in [
        ("create", (1, 0, 0, 3), vec![(2, "key-taken"), (4, "key-taken"), (5, "required")]),
        ("update", (0, 1, 0, 3), vec![(3, "key-unknown"), (4, "key-unknown"), (5, "required")]),
        ("upsert", (1, 2, 0, 1), vec![(5, "required")]),
    ] {
        let import = uploaded(&ana, "clients", text).await;
        planned(&ana, &import, plan(mode, &["tax_id"], &fields)).await;
        let checked = site.run(&ana, &import, "check").await;
        assert_eq!(
            (checked["status"].as_str(), counts(&checked["checked"])),
            (Some("checked"), wanted),
            "{mode}"
        );
        assert_eq!(all(&ana, "clients").await.len(), 1, "a trial leaves nothing");
        let foreseen = errors(&ana, &import, "check").await;
        assert_eq!(told(&foreseen), faults, "{mode}");
        let done = site.run(&ana, &import, "start").await;
        assert_eq!(counts(&done["done"]), wanted, "{mode}");
        assert_eq!(errors(&ana, &import, "run").await, foreseen, "{mode}: as it was foreseen");
        let clients = all(&ana, "clients").await;
        let by = |tax_id: &str| clients.iter().find(|one| one["tax_id"] == tax_id);
        let (name, phone, rating) = {
            let one = by("B-1").unwrap();
            (&one["name"], &one["phone"], &one["rating"])
        };
        let expected = if mode == "create" { "Old" } else { "New" };
        assert_eq!(
            (name, phone, rating),
            (&json!(expected), &json!("1"), &json!(3)),
            "an empty cell empties nothing"
        );
        if mode == "upsert" {
            let two = by("B-2").unwrap();
            assert_eq!(
                (&two["name"], &two["phone"], &two["version"]),
                (&json!("Twice"), &Value::Null, &json!(2))
            );
        }
        let undone = site.run(&ana, &import, "undo").await;
        assert_eq!(undone["undone"]["kept"], 0, "{mode}: {:?}", errors(&ana, &import, "undo").await);
        let clients = all(&ana, "clients").await;
        assert_eq!((clients.len(), &clients[0]["name"]), (1, &json!("Old")), "{mode}");
    }
}

#[tokio::test]
async fn an_undo_keeps_what_was_changed_since_the_import() {
    let (site, ana) = Site::set().await;
    let kept = made(&ana, "/clients", json!({ "tax_id": "B-1", "name": "Old" })).await;
    let text = "tax_id,name\nB-1,New\nB-2,Two\nB-3,Three\nB-4,Four\n";
    let import =
        imported(&site, &ana, "clients", text, plan("upsert", &["tax_id"], &["tax_id", "name"])).await;
    let clients = all(&ana, "clients").await;
    let by = |tax_id: &str| clients.iter().find(|one| one["tax_id"] == tax_id).unwrap();
    let at = |one: &Value| format!("/clients/{}", one["id"].as_str().unwrap());
    ana.patch(&at(by("B-2")), by("B-2"), json!({ "rating": 5 })).await.expect(StatusCode::OK);
    assert_eq!(ana.delete(&at(by("B-3")), by("B-3")).await.status, StatusCode::NO_CONTENT);
    let undone = site.run(&ana, &import, "undo").await;
    let report = &undone["undone"];
    assert_eq!((&report["removed"], &report["put_back"], &report["kept"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(told(&errors(&ana, &import, "undo").await), [(3, "changed-since"), (4, "gone")]);
    let left: Vec<Value> = all(&ana, "clients").await.into_iter().map(|one| one["name"].clone()).collect();
    assert_eq!(left, [json!("Two"), json!("Old")]);
    let history = ana.get(&format!("{}/history", at(&kept))).await.expect(StatusCode::OK);
    let actions: Vec<_> =
        history["data"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["changed", "changed", "created"], "it is all told in its history");
    let again = ana.send(Method::POST, &format!("{}/undo", path(&import)), None, None).await;
    assert_eq!(again.expect(StatusCode::CONFLICT)["code"], "import-status");
}

#[tokio::test]
async fn managers_may_come_after_their_employees_in_a_file() {
    let (site, ana) = Site::set().await;
    let text =
        "code,first_name,last_name,boss\nE-1,A,A,E-3\nE-2,B,B,E-1\nE-3,C,C,\nE-4,D,D,E-9\nE-5,E,E,E-5\n";
    let mut wanted = plan("upsert", &["code"], &["code", "first_name", "last_name"]);
    wanted["mapping"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "field": "manager_id", "column": "boss", "by": "code" }));
    let import = uploaded(&ana, "employees", text).await;
    planned(&ana, &import, wanted.clone()).await;
    let checked = site.run(&ana, &import, "check").await;
    assert_eq!((counts(&checked["checked"]), &checked["checked"]["unlinked"]), ((5, 0, 0, 0), &json!(1)));
    let done = site.run(&ana, &import, "start").await;
    assert_eq!((counts(&done["done"]), &done["done"]["unlinked"]), ((5, 0, 0, 0), &json!(2)));
    assert_eq!(
        told(&errors(&ana, &import, "run").await),
        [(5, "reference-unknown"), (6, "employee-manager-cycle")]
    );
    let boss_of = async |code: &str| {
        let employees = all(&ana, "employees").await;
        let one = employees.iter().find(|one| one["code"] == code).unwrap().clone();
        employees.iter().find(|other| other["id"] == one["manager_id"]).map(|boss| boss["code"].clone())
    };
    assert_eq!(
        (boss_of("E-1").await, boss_of("E-2").await, boss_of("E-4").await),
        (Some(json!("E-3")), Some(json!("E-1")), None)
    );

    // Another import changes one of them and is undone.
    let text = "code,first_name,last_name,boss\nE-2,B,B,E-3\nE-4,D,D,E-1\n";
    let moved = imported(&site, &ana, "employees", text, wanted).await;
    assert_eq!(counts(&moved["done"]), (0, 0, 2, 0), "their own fields are so already");
    assert_eq!(boss_of("E-2").await, Some(json!("E-3")));
    let undone = site.run(&ana, &moved, "undo").await;
    assert_eq!((&undone["undone"]["put_back"], &undone["undone"]["kept"]), (&json!(2), &json!(0)));
    assert_eq!((boss_of("E-2").await, boss_of("E-4").await), (Some(json!("E-1")), None));
    site.run(&ana, &import, "undo").await;
    // E-2 and E-4 were changed and restored since, which cannot be told from an intended change.
    assert_eq!(told(&errors(&ana, &import, "undo").await), [(3, "changed-since"), (5, "changed-since")]);
}

#[tokio::test]
async fn a_cell_names_a_record_that_is_one_and_there() {
    let (site, ana) = Site::set().await;
    for (name, tax_id) in [("Acme", "B-1"), ("Twin", "B-2"), ("Twin", "B-3")] {
        made(&ana, "/clients", json!({ "name": name, "tax_id": tax_id })).await;
    }
    let text = "code,name,client\nP-1,One,Acme\nP-2,Two,Twin\nP-3,Three,Nobody\nP-4,Four,\n";
    let mut wanted = plan("create", &[], &["code", "name"]);
    wanted["mapping"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "field": "client_id", "column": "client", "by": "name" }));
    let import = imported(&site, &ana, "projects", text, wanted).await;
    assert_eq!(counts(&import["done"]), (1, 0, 0, 3));
    let faults = errors(&ana, &import, "run").await;
    assert_eq!(told(&faults), [(3, "reference-ambiguous"), (4, "reference-unknown"), (5, "required")]);
    assert!(
        faults.iter().all(|one| one["column"] == "client" && one["pointer"] == "/client_id"),
        "{faults:?}"
    );
}

#[tokio::test]
async fn a_plan_that_cannot_be_is_refused_by_its_parts() {
    let (_, ana) = Site::set().await;
    let import = uploaded(&ana, "contacts", "name,mail\nA,a@b.test\n").await;
    let at = format!("{}/plan", path(&import));
    for (plan, pointer, code) in [
        (json!({ "mode": "create", "mapping": [] }), "/mapping", "length"),
        (
            json!({ "mode": "create", "mapping": [{ "field": "colour", "column": "name" }] }),
            "/mapping/0/field",
            "unknown-field",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "first_name", "column": "colour" }] }),
            "/mapping/0/column",
            "unknown-column",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "first_name" }] }),
            "/mapping/0/column",
            "required",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "emails", "column": "mail" }] }),
            "/mapping/0/field",
            "parts",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "first_name.x", "column": "mail" }] }),
            "/mapping/0/field",
            "unknown-field",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "first_name", "column": "name", "by": "name" }] }),
            "/mapping/0/by",
            "unknown-field",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "client_id", "column": "name", "by": "colour" }] }),
            "/mapping/0/by",
            "unknown-field",
        ),
        (
            json!({ "mode": "create", "mapping": [{ "field": "first_name", "column": "name" }, { "field": "first_name", "column": "mail" }] }),
            "/mapping/1/field",
            "duplicate",
        ),
        (
            json!({ "mode": "upsert", "mapping": [{ "field": "first_name", "column": "name" }] }),
            "/key",
            "required",
        ),
        (
            json!({ "mode": "upsert", "key": ["last_name"], "mapping": [{ "field": "first_name", "column": "name" }] }),
            "/key/0",
            "unknown-field",
        ),
    ] {
        let problem = ana.send(Method::PUT, &at, Some(&import["version"]), Some(plan.clone())).await;
        let problem = problem.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!(code)),
            "{plan}"
        );
    }
    let good = json!({ "mode": "upsert", "key": ["emails.0.address"], "mapping": [{ "field": "first_name", "column": "name" }, { "field": "emails.0.address", "column": "mail" }] });
    assert_eq!(
        ana.send(Method::PUT, &at, None, Some(good.clone())).await.status,
        StatusCode::PRECONDITION_REQUIRED
    );
    let planned = ana.send(Method::PUT, &at, Some(&import["version"]), Some(good.clone())).await;
    assert_eq!(planned.header("etag"), Some("\"2\""));
    assert_eq!(planned.expect(StatusCode::OK)["status"], "ready");
    let stale = ana.send(Method::PUT, &at, Some(&import["version"]), Some(good)).await;
    assert_eq!(stale.expect(StatusCode::PRECONDITION_FAILED)["current"]["version"], 2);
}

#[tokio::test]
async fn what_was_sent_twice_under_one_key_is_done_once() {
    let (site, ana) = Site::set().await;
    let headers = [("content-type", "text/csv"), ("idempotency-key", "k-1")];
    let send = async |file: &'static str| {
        ana.send_raw(Method::POST, "/api/v1/imports?resource=clients&file_name=a", &headers, file).await
    };
    let first = send("name\nA\nB\n").await.expect(StatusCode::CREATED);
    let again = send("name\nA\nB\n").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.expect(StatusCode::CREATED)["id"], first["id"]);
    assert_eq!(
        send("name\nC\n").await.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"],
        "idempotency-key-reused"
    );
    assert_eq!(ana.get("/imports").await.expect(StatusCode::OK)["data"].as_array().unwrap().len(), 1);
    planned(&ana, &first, plan("create", &[], &["name"])).await;
    let start = async || {
        let at = format!("/api/v1{}/start", path(&first));
        ana.send_raw(Method::POST, &at, &[("idempotency-key", "k-2")], "").await
    };
    start().await.expect(StatusCode::ACCEPTED);
    assert_eq!(start().await.header("idempotent-replayed"), Some("true"));
    site.work().await;
    assert_eq!((all(&ana, "clients").await.len(), &seen(&ana, &first).await["status"]), (2, &json!("done")));
}

/// Constants apply to every row, so invalid ones are rejected with the plan.
#[tokio::test]
async fn a_constant_is_held_against_its_field_when_the_plan_is_stored() {
    let (_site, ana) = Site::set().await;
    let import = uploaded(&ana, "contacts", "first\nZoe\n".to_owned()).await;
    let path = format!("{}/plan", path(&import));
    let plan = |rule: Value| {
        let plan =
            json!({ "mode": "create", "mapping": [{ "field": "first_name", "column": "first" }, rule] });
        ana.send(Method::PUT, &path, Some(&import["version"]), Some(plan))
    };
    let long: serde_json::Map<String, Value> =
        (0..400).map(|at| (format!("w{at}"), json!("y".repeat(200)))).collect();
    for (rule, pointer) in [
        (json!({ "field": "notes", "value": "y".repeat(10_001) }), "/mapping/1/value"),
        (json!({ "field": "notes", "value": "y".repeat(1_000_000) }), "/mapping"),
        (
            json!({ "field": "notes", "column": "first", "values": { "a": "y".repeat(10_001) } }),
            "/mapping/1/values",
        ),
        (json!({ "field": "notes", "column": "first", "values": long }), "/mapping"),
        (json!({ "field": "birthday", "value": "never" }), "/mapping/1/value"),
        (json!({ "field": "is_primary", "value": 7 }), "/mapping/1/value"),
        (json!({ "field": "emails.0.kind", "value": "odd" }), "/mapping/1/value"),
    ] {
        let problem = plan(rule.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let one_column: Vec<Value> =
        (0..21).map(|at| json!({ "field": format!("emails.{at}.address"), "column": "first" })).collect();
    let plan_of = json!({ "mode": "create", "mapping": one_column });
    let problem = ana.send(Method::PUT, &path, Some(&import["version"]), Some(plan_of)).await;
    let problem = problem.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/mapping/20/column");
    for rule in [
        json!({ "field": "notes", "value": "y".repeat(10_000) }),
        json!({ "field": "emails.0.kind", "value": "work" }),
    ] {
        let answer = plan(rule).await;
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::PRECONDITION_FAILED), "{}", answer.body);
    }
}
