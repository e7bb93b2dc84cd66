//! E-mails are counted by sender, not only by recipient.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestResponse, TestUser};

use crate::{
    PASSWORD,
    company::{Company, person},
    letter, nexo, nexo_on, registration,
};

const HOME: &str = "198.51.100.7:1";

async fn send_from(nexo: &TestApp, address: &str, path: &str, body: Value) -> TestResponse {
    let headers = [("content-type", "application/json")];
    let path = format!("/api/v1/auth/{path}");
    TestUser::nobody(&nexo.router).send_from(address, Method::POST, &path, &headers, body.to_string()).await
}

/// A user whose account was opened from this address.
async fn opened(nexo: &TestApp, address: &str, email: &str) -> TestUser {
    send_from(nexo, address, "register", registration(email, "Acme")).await.expect(StatusCode::ACCEPTED);
    let shown = json!({ "token": letter(nexo, email).await["token"], "password": PASSWORD });
    person(nexo, &send_from(nexo, address, "register/confirm", shown).await.expect(StatusCode::CREATED))
}

async fn viewer(who: &TestUser) -> Value {
    who.get("/roles?filter=name%5Beq%5D:%22viewer%22").await.expect(StatusCode::OK)["data"][0]["id"].clone()
}

/// Sends `count` invitations to distinct addresses. Returns how many were accepted, and the first rejection.
async fn invited(who: &TestUser, count: usize) -> (usize, Option<TestResponse>) {
    let role = viewer(who).await;
    for at in 0..count {
        let email = format!("x{at}-{}@strangers.test", uuid::Uuid::now_v7());
        let answer = who.post("/invitations", json!({ "email": email, "role_id": role })).await;
        if answer.status != StatusCode::CREATED {
            return (at, Some(answer));
        }
    }
    (count, None)
}

#[track_caller]
fn too_many(answer: TestResponse) {
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&wait), "{wait}");
    assert_eq!(answer.expect(StatusCode::TOO_MANY_REQUESTS)["code"], "too-many-emails");
}

#[tokio::test]
async fn a_free_account_mails_thirty_strangers_an_hour_in_all() {
    let acme = Company::new().await;
    let (sent, refused) = invited(&acme.ana, 31).await;
    assert_eq!(sent, 30);
    too_many(refused.unwrap());
    let admin = acme.somebody("admin").await;
    too_many(invited(&admin, 1).await.1.unwrap());
    // Resending an invitation and confirming another own address are rejected as well.
    let first = acme.ana.get("/invitations").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    too_many(acme.ana.post(&format!("/invitations/{first}/resend"), json!({})).await);
    let change = json!({ "new_email": "ana@strangers.test", "password": PASSWORD });
    too_many(acme.ana.post("/auth/email", change).await);

    let hour = "update app.email_quotas set hour_began = hour_began - interval '1 hour'";
    acme.nexo.ground.database.run(hour).await;
    assert_eq!(invited(&acme.ana, 1).await.0, 1);
    acme.nexo.ground.database.run("update app.account_directory set plan = 'starter'").await;
    assert_eq!(invited(&acme.ana, 40).await.0, 40, "a plan has its own number");
}

#[tokio::test]
async fn a_day_has_four_times_what_an_hour_has() {
    let acme = Company::new().await;
    assert_eq!(invited(&acme.ana, 1).await.0, 1);
    let run = async |statement: &str| acme.nexo.ground.database.run(statement).await;
    run("update app.email_quotas set in_hour = 0, in_day = 120").await;
    let refused = invited(&acme.ana, 1).await.1.unwrap();
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((86_000..=86_400).contains(&wait), "{wait}");
    run("update app.email_quotas set day_began = day_began - interval '1 day'").await;
    assert_eq!(invited(&acme.ana, 1).await.0, 1);
}

#[tokio::test]
async fn accounts_that_were_opened_from_one_address_share_what_it_has() {
    let nexo = nexo_on(TestContext::new("nexo_auth").await, &[("NEXO_SHARED_EMAILS_PER_HOUR", "12")]).await;
    let mut sent = 0;
    for at in 0..4 {
        let one = opened(&nexo, HOME, &format!("one{at}@acme.test")).await;
        sent += invited(&one, 5).await.0;
    }
    assert_eq!(sent, 12);
    let neighbour = opened(&nexo, "198.51.100.8:1", "two@acme.test").await;
    assert_eq!(invited(&neighbour, 5).await.0, 5);
    let mut look = nexo.ground.database.look().await;
    let (clear,): (bool,) = sqlx::query_as(
        "select bool_or(position('198.51'::bytea in d.opened_from) > 0) from app.account_directory d",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert!(!clear, "no address is kept in clear");
}

#[tokio::test]
async fn one_address_registers_and_opens_only_so_many() {
    let nexo = nexo_on(TestContext::new("nexo_auth").await, &[("NEXO_SIGNUPS_PER_HOUR", "4")]).await;
    let ana = opened(&nexo, HOME, "ana@acme.test").await;
    for at in 0..2 {
        let email = format!("x{at}@acme.test");
        send_from(&nexo, HOME, "register", registration(&email, "Acme")).await.expect(StatusCode::ACCEPTED);
    }
    send_from(&nexo, HOME, "register/resend", json!({ "email": "x0@acme.test" }))
        .await
        .expect(StatusCode::ACCEPTED);
    too_many(send_from(&nexo, HOME, "register", registration("x3@acme.test", "Acme")).await);
    too_many(send_from(&nexo, HOME, "register/resend", json!({ "email": "x1@acme.test" })).await);
    let headers = [("content-type", "application/json")];
    let another = json!({ "name": "Borealis" }).to_string();
    let open = async |address: &str| {
        ana.send_from(address, Method::POST, "/api/v1/accounts", &headers, another.clone()).await
    };
    too_many(open(HOME).await);
    open("198.51.100.8:1").await.expect(StatusCode::CREATED);
}

/// Two replicas compete for the last e-mail of the quota: one is rejected.
#[tokio::test]
async fn replicas_count_together() {
    let nexo = nexo().await;
    let ana = person(&nexo, &crate::registered(&nexo, "ana@acme.test", "Acme").await);
    assert_eq!(invited(&ana, 29).await.0, 29);
    let mut other = ana.clone();
    other.service = nexo_on(nexo.ground.clone(), &[]).await.router;
    let (one, two) = tokio::join!(invited(&ana, 2), invited(&other, 2));
    assert_eq!(one.0 + two.0, 1);
}
