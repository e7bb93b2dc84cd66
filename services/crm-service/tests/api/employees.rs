use crm_service::employees::Employee;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestUser;
use uuid::Uuid;

use crate::{made, nexo};

const RIGHTS: &str = "employee:read employee:write employee:delete";

fn employee(code: &str, manager: &Value) -> Value {
    json!({ "code": code, "first_name": code, "last_name": "García", "manager_id": manager })
}

fn path(employee: &Value) -> String {
    format!("/employees/{}", employee["id"].as_str().unwrap())
}

async fn sample(owner: &TestUser) -> Value {
    let boss = made(owner, "/employees", employee("E-1", &Value::Null)).await;
    json!({
        "code": "E-2", "first_name": "Zoë", "last_name": "García", "email": "zoe@acme.test", "phone": "+34 600 000 000",
        "department": "Sales", "position": "Lead", "manager_id": boss["id"], "hire_date": "2024-02-29",
        "member_id": owner.user, "hourly_rate": "12.50", "currency": "EUR", "skills": ["Rust", "español"],
    })
}

#[tokio::test]
async fn employees_are_kept() {
    let change = json!({ "code": "E-3", "skills": [], "manager_id": null });
    testkit::assert_resource_contract_with_references::<Employee>(&nexo().await, "", sample, change).await;
}

#[tokio::test]
async fn an_employee_is_not_their_own_manager() {
    let ana = nexo().await.person(RIGHTS).await;
    let mut manager = Value::Null;
    let mut chain = Vec::new();
    for code in ["a", "b", "c"] {
        let one = made(&ana, "/employees", employee(code, &manager)).await;
        manager = one["id"].clone();
        chain.push(one);
    }
    for below in &chain {
        let circle = ana.patch(&path(&chain[0]), &chain[0], json!({ "manager_id": below["id"] })).await;
        let problem = circle.expect(StatusCode::CONFLICT);
        assert_eq!(problem["code"], "employee-manager-cycle");
        assert_eq!(problem["errors"][0]["pointer"], "/manager_id");
    }
    let moved = ana.patch(&path(&chain[2]), &chain[2], json!({ "manager_id": chain[0]["id"] })).await;
    assert_eq!(moved.status, StatusCode::OK);
    let nobody = ana.post("/employees", employee("d", &json!(Uuid::now_v7()))).await;
    assert_eq!(nobody.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "employee-manager-unknown");
}

#[tokio::test]
async fn of_two_changes_that_together_close_a_circle_one_is_refused() {
    let ana = nexo().await.person(RIGHTS).await;
    for round in 0..10 {
        let one = made(&ana, "/employees", employee(&format!("one {round}"), &Value::Null)).await;
        let two = made(&ana, "/employees", employee(&format!("two {round}"), &Value::Null)).await;
        let below = |who: &Value, manager: &Value| {
            let (ana, path, who) = (ana.clone(), path(who), who.clone());
            let patch = json!({ "manager_id": manager["id"] });
            tokio::spawn(async move { ana.patch(&path, &who, patch).await.status })
        };
        let (first, second) = (below(&one, &two), below(&two, &one));
        let mut answers = [first.await.unwrap(), second.await.unwrap()];
        answers.sort();
        assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT]);
    }
}

#[tokio::test]
async fn a_chain_of_managers_is_shorter_than_a_hundred() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let (account, user, last) = (ana.account, ana.user, Uuid::now_v7());
    nexo.ground
        .database
        .run(&format!(
            "insert into app.employees (account_id, id, code, first_name, last_name, manager_id, created_by, updated_by)
             select '{account}', case n when 100 then '{last}' else md5(n::text)::uuid end, n, 'E', 'F',
                    case when n > 1 then md5((n - 1)::text)::uuid end, '{user}', '{user}'
             from generate_series(1, 100) n"
        ))
        .await;
    let refused = ana.post("/employees", employee("low", &json!(last))).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "employee-too-many-managers");
    let chart = ana.get("/employees/org-chart").await.expect(StatusCode::OK);
    assert_eq!(chart["truncated"], true);
    let (mut at, mut levels) = (&chart["data"][0], 1);
    while !at["reports"][0].is_null() {
        (at, levels) = (&at["reports"][0], levels + 1);
    }
    assert_eq!(levels, 32);
}

#[tokio::test]
async fn codes_and_members_belong_to_one_employee() {
    let ana = nexo().await.person(RIGHTS).await;
    let mut first = employee("E-1", &Value::Null);
    first["member_id"] = json!(ana.user);
    made(&ana, "/employees", first.clone()).await;
    let taken = ana.post("/employees", employee("E-1", &Value::Null)).await.expect(StatusCode::CONFLICT);
    assert_eq!(taken["code"], "employee-code-taken");
    first["code"] = json!("E-2");
    let taken = ana.post("/employees", first).await.expect(StatusCode::CONFLICT);
    assert_eq!(taken["code"], "employee-member-taken");
}

#[tokio::test]
async fn the_chart_shows_everybody_below_their_manager() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let top = made(&ana, "/employees", employee("top", &Value::Null)).await;
    let mid = made(&ana, "/employees", employee("mid", &top["id"])).await;
    made(&ana, "/employees", employee("aside", &top["id"])).await;
    made(&ana, "/employees", employee("low", &mid["id"])).await;
    let chart = ana.get("/employees/org-chart").await.expect(StatusCode::OK);
    assert_eq!(chart["truncated"], false);
    let names = |places: &Value| -> Vec<String> {
        places.as_array().unwrap().iter().map(|one| one["first_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&chart["data"]), ["top"]);
    assert_eq!(names(&chart["data"][0]["reports"]), ["aside", "mid"]);
    assert_eq!(names(&chart["data"][0]["reports"][1]["reports"]), ["low"]);

    assert_eq!(ana.delete(&path(&mid), &mid).await.status, StatusCode::NO_CONTENT);
    let chart = ana.get("/employees/org-chart").await.expect(StatusCode::OK);
    assert_eq!(names(&chart["data"]), ["low", "top"], "whose manager is gone stands at the top");

    let ben = nexo.member(ana.account, "employee:read@own").await;
    assert_eq!(ben.get("/employees/org-chart").await.status, StatusCode::FORBIDDEN);
    let eve = nexo.member_without(ana.account, "employee:read", &["employee.last_name"]).await;
    let chart = eve.get("/employees/org-chart").await.expect(StatusCode::OK);
    assert_eq!(chart["data"][0]["last_name"], Value::Null);
}
