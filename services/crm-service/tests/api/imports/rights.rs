//! Authorization of imports, and the rights that their jobs use.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{RIGHTS, Site, all, counts, errors, imported, path, planned, same, seen, sent, uploaded};
use crate::{made, nexo};

fn plan(fields: &[&str]) -> Value {
    json!({ "mode": "upsert", "key": ["tax_id"], "mapping": same(fields) })
}

const TEXT: &str = "tax_id,name\nB-1,One\nB-2,Two\n";

#[tokio::test]
async fn an_import_is_there_for_its_own_account_alone() {
    let (site, ana) = Site::set().await;
    let stranger = site.nexo.person(RIGHTS).await;
    let import = imported(&site, &ana, "clients", TEXT, plan(&["tax_id", "name"])).await;
    let at = path(&import);
    for (method, more) in [
        (Method::GET, ""),
        (Method::GET, "/errors"),
        (Method::GET, "/errors.csv"),
        (Method::POST, "/start"),
        (Method::POST, "/check"),
        (Method::POST, "/cancel"),
        (Method::POST, "/undo"),
        (Method::DELETE, ""),
    ] {
        let answer =
            stranger.send(method.clone(), &format!("{at}{more}"), Some(&import["version"]), None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {more}");
    }
    let answer = stranger
        .send(Method::PUT, &format!("{at}/plan"), Some(&import["version"]), Some(plan(&["tax_id"])))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.get("/imports").await.expect(StatusCode::OK)["data"], json!([]));
    assert_eq!(all(&stranger, "clients").await, [json!(null); 0]);
    // The same keys refer to other records in the other account.
    let own = imported(&site, &stranger, "clients", TEXT, plan(&["tax_id", "name"])).await;
    assert_eq!(counts(&own["done"]), (2, 0, 0, 0));
}

#[tokio::test]
async fn an_import_is_visible_to_its_uploader_and_to_readers_of_all_it_may_hold() {
    let (site, ana) = Site::set().await;
    let import = imported(&site, &ana, "clients", TEXT, plan(&["tax_id", "name"])).await;
    let whole = site.nexo.member(ana.account, "import:read client:read").await;
    seen(&whole, &import).await;
    let some = site.nexo.member(ana.account, "import:read client:read@own").await;
    let blind =
        site.nexo.member_without(ana.account, "import:read client:read", &["client.credit_limit"]).await;
    let own = site.nexo.member(ana.account, "import:read@own client:read").await;
    let contacts = "import:read contact:read";
    let named = imported(
        &site,
        &ana,
        "contacts",
        "first_name\nZoe\n",
        json!({ "mode": "create", "mapping": same(&["first_name"]) }),
    )
    .await;
    let half = site.nexo.member(ana.account, contacts).await;
    assert_eq!(
        half.get(&path(&named)).await.status,
        StatusCode::NOT_FOUND,
        "it may name clients by what they hold"
    );
    seen(&site.nexo.member(ana.account, &format!("{contacts} client:read supplier:read")).await, &named)
        .await;
    for person in [some, blind, own] {
        assert_eq!(person.get(&path(&import)).await.status, StatusCode::NOT_FOUND);
        assert_eq!(person.get("/imports").await.expect(StatusCode::OK)["data"], json!([]));
    }
}

#[tokio::test]
async fn an_import_needs_the_right_to_write_its_records() {
    let (site, ana) = Site::set().await;
    let reader = site.nexo.member(ana.account, "import:* client:read").await;
    let answer = sent(&reader, "resource=clients&file_name=a", "text/csv", TEXT).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let writer = site.nexo.member(ana.account, "import:* client:read client:write").await;
    let import = imported(&site, &writer, "clients", TEXT, plan(&["tax_id", "name"])).await;
    let undo = writer.send(Method::POST, &format!("{}/undo", path(&import)), None, None).await;
    assert_eq!(undo.expect(StatusCode::FORBIDDEN)["detail"], "this needs the permission client:delete");
    let blind = site.nexo.member_without(ana.account, RIGHTS, &["client.credit_limit"]).await;
    let import = uploaded(&blind, "clients", "tax_id,name,credit_limit\n").await;
    let at = format!("{}/plan", path(&import));
    let answer = blind
        .send(Method::PUT, &at, Some(&import["version"]), Some(plan(&["tax_id", "name", "credit_limit"])))
        .await;
    assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["errors"][0]["code"], "unknown-field");
}

#[tokio::test]
async fn a_line_reaches_as_far_as_its_person() {
    let (site, ana) = Site::set().await;
    made(&ana, "/clients", json!({ "tax_id": "B-1", "name": "Ana's", "owner_id": ana.user })).await;
    let ben =
        site.nexo.member(ana.account, "import:* client:read@own client:write@own client:delete@own").await;
    let text = format!("tax_id,name,owner_id\nB-1,Mine now,\nB-2,Two,\nB-3,Three,{}\n", ana.user);
    let import = imported(&site, &ben, "clients", &text, plan(&["tax_id", "name", "owner_id"])).await;
    assert_eq!(counts(&import["done"]), (1, 0, 0, 2));
    let told: Vec<_> = errors(&ben, &import, "run")
        .await
        .iter()
        .map(|one| (one["line"].clone(), one["code"].clone()))
        .collect();
    assert_eq!(told, [(json!(2), json!("client-tax-id-taken")), (json!(4), json!("outside-scope"))]);
    let two = &all(&ben, "clients").await[0];
    assert_eq!(
        (&two["name"], &two["owner_id"], &two["created_by"]),
        (&json!("Two"), &json!(ben.user), &json!(ben.user))
    );
    let history =
        ben.get(&format!("/clients/{}/history", two["id"].as_str().unwrap())).await.expect(StatusCode::OK);
    assert_eq!(history["data"][0]["created_by"], json!(ben.user));
}

/// Which records a lookup finds reveals the value of the field.
#[tokio::test]
async fn an_import_asks_by_no_field_that_its_person_does_not_see() {
    let (site, ana) = Site::set().await;
    let acme = made(&ana, "/clients", json!({ "name": "Acme", "tax_id": "T-1" })).await;
    made(&ana, "/suppliers", json!({ "name": "Mill", "external_ids": { "erp": "E-1" } })).await;
    let by = |column: &str, by: &str| {
        json!({ "mode": "create", "mapping": [
            { "field": "first_name", "column": "name" }, { "field": column, "column": "key", "by": by } ] })
    };
    let key = json!({ "mode": "update", "key": ["tax_id"], "mapping": same(&["tax_id", "name"]) });
    for (hidden, resource, plan, pointer) in [
        ("client.tax_id", "contacts", by("client_id", "tax_id"), "/mapping/1/by"),
        ("supplier.external_ids", "contacts", by("supplier_id", "external_ids.erp"), "/mapping/1/by"),
        ("employee.code", "employees", by("manager_id", "code"), "/mapping/1/by"),
        ("client.tax_id", "clients", key, "/mapping/0/field"),
    ] {
        let text = if resource == "clients" { "tax_id,name\nT-1,Zoe\n" } else { "name,key\nZoe,T-1\n" };
        let blind = site.nexo.member_without(ana.account, RIGHTS, &[hidden]).await;
        let import = uploaded(&blind, resource, text).await;
        let at = format!("{}/plan", path(&import));
        let refused = blind.send(Method::PUT, &at, Some(&import["version"]), Some(plan.clone())).await;
        let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            (&problem["errors"][0]["code"], &problem["errors"][0]["pointer"]),
            (&json!("unknown-field"), &json!(pointer)),
            "{problem}"
        );
        // A plan that was stored before the field was hidden does not run afterwards.
        let ben = site.nexo.member(ana.account, RIGHTS).await;
        let import = uploaded(&ben, resource, text).await;
        planned(&ben, &import, plan).await;
        let ben = site.nexo.regranted(&ben, RIGHTS, &[hidden]).await;
        for what in ["check", "start"] {
            let told = site.run(&ben, &import, what).await;
            assert_eq!(told["job"]["problem"], "forbidden", "{hidden} {what}: {told}");
        }
    }
    let same = ana.get(&format!("/clients/{}", acme["id"].as_str().unwrap())).await.expect(StatusCode::OK);
    assert_eq!(same, acme);
}

#[tokio::test]
async fn an_import_asks_for_no_record_that_its_person_may_not_read() {
    let (site, ana) = Site::set().await;
    let theirs = made(&ana, "/clients", json!({ "name": "Acme", "tax_id": "T-1" })).await["id"].clone();
    let rights = "import:* contact:* client:read@own client:write";
    let ben = site.nexo.member(ana.account, rights).await;
    let own = json!({ "name": "Own", "tax_id": "T-2", "owner_id": ben.user });
    made(&ana, "/clients", own).await;
    let text = format!(
        "name,key,id\nZoe,T-1,\nMax,T-2,\nKim,,{}\nEve,,{}\n",
        theirs.as_str().unwrap(),
        uuid::Uuid::now_v7()
    );
    let plan = json!({ "mode": "create", "mapping": [
        { "field": "first_name", "column": "name" }, { "field": "client_id", "column": "key", "by": "tax_id" } ] });
    let import = imported(&site, &ben, "contacts", &text, plan).await;
    assert_eq!(counts(&import["done"]), (3, 0, 0, 1), "{import}");
    assert_eq!(errors(&ben, &import, "run").await[0]["code"], "reference-unknown");
    let plan = json!({ "mode": "create", "mapping": [
        { "field": "first_name", "column": "name" }, { "field": "client_id", "column": "id" } ] });
    let import = imported(&site, &ben, "contacts", &text, plan).await;
    let told = errors(&ben, &import, "run").await;
    let told: Vec<_> = told.iter().map(|one| (&one["line"], &one["code"], &one["message"])).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].1, told[0].2), (told[1].1, told[1].2), "out of reach is as nowhere");

    let text = "tax_id,name\nT-1,Taken over\n";
    let keyed = json!({ "mode": "update", "key": ["tax_id"], "mapping": same(&["tax_id", "name"]) });
    let import = imported(&site, &ben, "clients", text, keyed.clone()).await;
    assert_eq!(errors(&ben, &import, "run").await[0]["code"], "key-unknown");
    let writer = site.nexo.member(ana.account, "import:* client:write").await;
    let import = uploaded(&writer, "clients", text).await;
    let at = format!("{}/plan", path(&import));
    let refused = writer.send(Method::PUT, &at, Some(&import["version"]), Some(keyed)).await;
    assert_eq!(refused.expect(StatusCode::FORBIDDEN)["detail"], "this needs the permission client:read");
}

#[tokio::test]
async fn an_import_stops_when_its_starter_loses_their_rights() {
    let (site, ana) = Site::set().await;
    for (loss, kind) in [
        (
            "update app.member_roles set role_id = role_id; delete from app.member_roles where user_id = 'WHO'",
            "roles",
        ),
        ("update app.memberships set status = 'suspended' where user_id = 'WHO'", "membership"),
        (
            "update app.roles set permissions = '{import:*,client:read}' where created_by = 'WHO'",
            "permission",
        ),
        ("update app.roles set hidden_fields = '{client.name}' where created_by = 'WHO'", "field"),
    ] {
        let ben = site.nexo.member(ana.account, RIGHTS).await;
        let import = uploaded(&ben, "clients", TEXT).await;
        planned(&ben, &import, plan(&["tax_id", "name"])).await;
        ben.send(Method::POST, &format!("{}/start", path(&import)), None, None)
            .await
            .expect(StatusCode::ACCEPTED);
        site.nexo.ground.database.run(&loss.replace("WHO", &ben.user.to_string())).await;
        site.work().await;
        let left = seen(&ana, &import).await;
        assert_eq!(
            (&left["status"], &left["job"]["problem"]),
            (&json!("failed"), &json!("forbidden")),
            "{kind}"
        );
        assert_eq!(all(&ana, "clients").await, [json!(null); 0], "{kind}");
    }
}

#[tokio::test]
async fn without_the_permission_to_read_imports_an_upload_answers_with_identity_and_version() {
    let nexo = nexo().await;
    let ana = nexo.person("import:write client:write").await;
    let path = "/api/v1/imports?resource=clients&file_name=a.csv";
    let sent = ana.send_raw(Method::POST, path, &[("content-type", "text/csv")], "name\nAcme\n").await;
    let sent = sent.expect(StatusCode::CREATED);
    let fields = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&sent), ["id", "version"]);
    let path = format!("/imports/{}/plan", sent["id"].as_str().unwrap());
    let plan = json!({ "mode": "create", "mapping": [{ "field": "name", "column": "name" }] });
    let stale = ana.send(Method::PUT, &path, Some(&json!(99)), Some(plan.clone())).await;
    assert_eq!(fields(&stale.expect(StatusCode::PRECONDITION_FAILED)["current"]), ["id", "version"]);
    let planned = ana.send(Method::PUT, &path, Some(&sent["version"]), Some(plan)).await;
    assert_eq!(fields(&planned.expect(StatusCode::OK)), ["id", "version"]);
}
