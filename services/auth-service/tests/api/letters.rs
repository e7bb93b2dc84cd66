//! E-mails: sign-up, password reset, change of address. Responses do not reveal whether a user exists.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    PASSWORD,
    company::{Company, person},
    letter, me, nexo, post, registered, registration,
};

async fn login(nexo: &testkit::TestApp, email: &str, password: &str) -> testkit::TestResponse {
    post(nexo, "login", json!({ "email": email, "password": password })).await
}

fn refused(answer: testkit::TestResponse) {
    assert_eq!(answer.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "token-invalid");
}

#[tokio::test]
async fn registering_a_known_address_looks_like_a_new_one_and_its_owner_gets_a_mail() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    let known = post(&nexo, "register", registration("ANA@acme.test", "Other")).await;
    let new = post(&nexo, "register", registration("new@acme.test", "Other")).await;
    assert_eq!((known.status, new.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(known.body, json!({ "sent_to": "ANA@acme.test" }));
    assert_eq!(new.body, json!({ "sent_to": "new@acme.test" }));
    let told = letter(&nexo, "ana@acme.test").await;
    assert_eq!(
        (told["subject"].as_str().unwrap(), &told["token"]),
        ("You have signed up before", &Value::Null)
    );
    assert_eq!(
        login(&nexo, "new@acme.test", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED,
        "not before the letter"
    );
}

#[tokio::test]
async fn confirming_a_registration_needs_its_password() {
    let nexo = nexo().await;
    post(&nexo, "register", registration("victim@acme.test", "Trap")).await.expect(StatusCode::ACCEPTED);
    let token = letter(&nexo, "victim@acme.test").await["token"].clone();
    refused(
        post(&nexo, "register/confirm", json!({ "token": token, "password": "my-own-other-password" })).await,
    );
    refused(post(&nexo, "register/confirm", json!({ "token": "nonsense", "password": PASSWORD })).await);
    let shown = json!({ "token": token, "password": PASSWORD });
    let (one, other) = tokio::join!(
        post(&nexo, "register/confirm", shown.clone()),
        post(&nexo, "register/confirm", shown.clone())
    );
    let mut told = [one.status, other.status];
    told.sort();
    assert_eq!(told, [StatusCode::CREATED, StatusCode::UNPROCESSABLE_ENTITY], "a letter is good once");
    refused(post(&nexo, "register/confirm", shown).await);
}

#[tokio::test]
async fn of_several_sign_ups_of_one_address_the_first_confirmed_counts() {
    let nexo = nexo().await;
    let mut tokens = Vec::new();
    for account in ["One", "Two"] {
        post(&nexo, "register", registration("ana@acme.test", account)).await.expect(StatusCode::ACCEPTED);
        tokens.push(letter(&nexo, "ana@acme.test").await["token"].clone());
    }
    let confirm = |token: &Value| json!({ "token": token, "password": PASSWORD });
    let second = post(&nexo, "register/confirm", confirm(&tokens[1])).await.expect(StatusCode::CREATED);
    assert_eq!(me(&nexo, &second).await.body["account"]["name"], "Two");
    refused(post(&nexo, "register/confirm", confirm(&tokens[0])).await);
}

#[tokio::test]
async fn a_letter_is_sent_again_and_replaces_the_one_before() {
    let nexo = nexo().await;
    post(&nexo, "register", registration("ana@acme.test", "Acme")).await.expect(StatusCode::ACCEPTED);
    let first = letter(&nexo, "ana@acme.test").await["token"].clone();
    for email in ["ana@acme.test", "nobody@acme.test"] {
        post(&nexo, "register/resend", json!({ "email": email })).await.expect(StatusCode::ACCEPTED);
    }
    let second = letter(&nexo, "ana@acme.test").await["token"].clone();
    refused(post(&nexo, "register/confirm", json!({ "token": first, "password": PASSWORD })).await);
    let shown = json!({ "token": second, "password": PASSWORD });
    post(&nexo, "register/confirm", shown).await.expect(StatusCode::CREATED);
    assert_eq!(letter(&nexo, "nobody@acme.test").await, Value::Null);
}

#[tokio::test]
async fn a_mailed_token_resets_the_password_once() {
    let nexo = nexo().await;
    let before = registered(&nexo, "ana@acme.test", "Acme").await;
    let mut told = Vec::new();
    for email in ["ana@acme.test", "nobody@acme.test"] {
        let answer = post(&nexo, "password/reset", json!({ "email": email })).await;
        told.push((answer.status, answer.body["sent_to"] == json!(email)));
    }
    assert_eq!(told, [(StatusCode::ACCEPTED, true); 2]);
    assert_eq!(letter(&nexo, "nobody@acme.test").await, Value::Null);
    let token = letter(&nexo, "ana@acme.test").await["token"].clone();
    let set = |password: &str| json!({ "token": token, "new_password": password });
    let weak = post(&nexo, "password/reset/confirm", set("password123")).await;
    assert_eq!(weak.expect(StatusCode::UNPROCESSABLE_ENTITY)["errors"][0]["pointer"], "/new_password");
    let new = "another-lantern-orbit";
    assert_eq!(post(&nexo, "password/reset/confirm", set(new)).await.status, StatusCode::NO_CONTENT);
    refused(post(&nexo, "password/reset/confirm", set("yet-another-lantern")).await);
    assert_eq!(me(&nexo, &before).await.status, StatusCode::UNAUTHORIZED, "every session has ended");
    assert_eq!(login(&nexo, "ana@acme.test", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    login(&nexo, "ana@acme.test", new).await.expect(StatusCode::OK);
    assert_eq!(letter(&nexo, "ana@acme.test").await["subject"], "Your password was changed");
}

#[tokio::test]
async fn a_token_of_a_letter_ends_after_its_time_and_with_any_other_that_is_used() {
    let nexo = nexo().await;
    registered(&nexo, "ana@acme.test", "Acme").await;
    let ask = async || {
        post(&nexo, "password/reset", json!({ "email": "ana@acme.test" })).await.expect(StatusCode::ACCEPTED);
        letter(&nexo, "ana@acme.test").await["token"].clone()
    };
    let set = async |token: &Value| {
        post(
            &nexo,
            "password/reset/confirm",
            json!({ "token": token, "new_password": "another-lantern-orbit" }),
        )
        .await
    };
    let (first, second, third) = (ask().await, ask().await, ask().await);
    nexo.ground.database.run("update app.one_time_tokens set expires_at = now() where created_at = (select min(created_at) from app.one_time_tokens)").await;
    refused(set(&first).await);
    let (one, other) = tokio::join!(set(&second), set(&third));
    let mut told = [one.status, other.status];
    told.sort();
    assert_eq!(told[1], StatusCode::UNPROCESSABLE_ENTITY, "one of them ends the other: {told:?}");
}

#[tokio::test]
async fn an_address_changes_when_the_new_one_is_confirmed_and_both_get_a_mail() {
    let acme = Company::new().await;
    registered(&acme.nexo, "ben@other.test", "Other").await;
    let ask = async |new: &str, password: &str| {
        acme.ana.post("/auth/email", json!({ "new_email": new, "password": password })).await
    };
    let wrong = ask("ana@new.test", "wrong").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong["code"], "password-wrong");
    ask("ana@new.test", PASSWORD).await.expect(StatusCode::ACCEPTED);
    assert_eq!(letter(&acme.nexo, "ana@acme.test").await["subject"], "Your address is to change");
    login(&acme.nexo, "ana@acme.test", PASSWORD).await.expect(StatusCode::OK);
    let token = json!({ "token": letter(&acme.nexo, "ana@new.test").await["token"] });
    assert_eq!(post(&acme.nexo, "email/confirm", token.clone()).await.status, StatusCode::NO_CONTENT);
    refused(post(&acme.nexo, "email/confirm", token).await);
    login(&acme.nexo, "ana@new.test", PASSWORD).await.expect(StatusCode::OK);
    assert_eq!(login(&acme.nexo, "ana@acme.test", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    for told in ["ana@acme.test", "ana@new.test"] {
        assert_eq!(letter(&acme.nexo, told).await["subject"], "Your address was changed");
    }
    // A taken address gets the same response, and no e-mail that could transfer it.
    ask("ben@other.test", PASSWORD).await.expect(StatusCode::ACCEPTED);
    assert_ne!(letter(&acme.nexo, "ben@other.test").await["subject"], "Confirm your new address");
}

#[tokio::test]
async fn letters_to_one_address_are_bounded() {
    let nexo = nexo().await;
    let mut told = Vec::new();
    for _ in 0..7 {
        told.push(
            post(&nexo, "password/reset", json!({ "email": "nobody@acme.test" })).await.status.as_u16(),
        );
    }
    assert_eq!(told, [202, 202, 202, 202, 202, 429, 429]);
}

#[tokio::test]
async fn no_token_of_a_letter_is_kept_in_clear() {
    let nexo = nexo().await;
    let ana = person(&nexo, &registered(&nexo, "ana@acme.test", "Acme").await);
    post(&nexo, "register", registration("new@acme.test", "Other")).await.expect(StatusCode::ACCEPTED);
    post(&nexo, "password/reset", json!({ "email": "ana@acme.test" })).await.expect(StatusCode::ACCEPTED);
    drop(ana);
    let mut look = nexo.ground.database.look().await;
    let (rows,): (String,) = sqlx::query_as(
        "select string_agg(t::text, ' ') from (select to_jsonb(s)::text as t from app.pending_signups s
         union all select to_jsonb(o)::text from app.one_time_tokens o) all_rows (t)",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    for to in ["new@acme.test", "ana@acme.test"] {
        let token = letter(&nexo, to).await["token"].as_str().unwrap().to_owned();
        assert!(!rows.contains(&token) && !rows.contains(&hex(&token)), "{to}");
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// PostgreSQL's `lower('İ')` is `i`, but mail servers treat it as another domain.
#[tokio::test]
async fn a_login_address_beyond_ascii_is_refused() {
    let nexo = nexo().await;
    registered(&nexo, "ivan@mail.test", "Acme").await;
    let before = letter(&nexo, "ivan@mail.test").await;
    for path in ["password/reset", "register/resend"] {
        let answer = post(&nexo, path, json!({ "email": "ivan@maİl.test" })).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    let new = post(&nexo, "register", registration("İvan@mail.test", "Other")).await;
    assert_eq!(new.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(login(&nexo, "İvan@mail.test", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(letter(&nexo, "ivan@mail.test").await, before);
    post(&nexo, "password/reset", json!({ "email": "IVAN@mail.test" })).await.expect(StatusCode::ACCEPTED);
    assert_eq!(letter(&nexo, "ivan@mail.test").await["to"], "ivan@mail.test", "to the address that is kept");
}

#[tokio::test]
async fn a_changed_password_ends_what_was_mailed_before() {
    let acme = Company::new().await;
    let ask = json!({ "new_email": "thief@evil.test", "password": PASSWORD });
    acme.ana.post("/auth/email", ask).await.expect(StatusCode::ACCEPTED);
    let token = json!({ "token": letter(&acme.nexo, "thief@evil.test").await["token"] });
    let change = json!({ "current_password": PASSWORD, "new_password": "another-lantern-orbit" });
    assert_eq!(acme.ana.post("/auth/password", change).await.status, StatusCode::NO_CONTENT);
    refused(post(&acme.nexo, "email/confirm", token).await);
}

#[tokio::test]
async fn letters_that_wait_are_shown_on_this_machine_alone() {
    let nexo = nexo().await;
    let nobody = testkit::TestUser::nobody(&nexo.router);
    for (from, status) in [("127.0.0.1:1", StatusCode::OK), ("198.51.100.7:1", StatusCode::NOT_FOUND)] {
        let answer = nobody.send_from(from, http::Method::GET, "/dev/mail", &[], "").await;
        assert_eq!(answer.status, status, "{from}");
    }
}
