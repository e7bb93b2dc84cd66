//! Second factors: enrollment and effect.

mod codes;
mod guesses;
mod required;
mod step_up;

use http::{Method, StatusCode};
use kernel::Clock;
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestResponse, TestUser};
use totp_rs::{Secret, Totp};

use crate::{PASSWORD, company::person, letter, me, nexo_at, post, registered};

/// Fixed time of these tests, at the beginning of a time step.
const NOW: u64 = 1_800_000_000;

/// Ana of Acme, with her authenticator app.
struct Ana {
    nexo: TestApp,
    person: TestUser,
    email: String,
    tokens: Value,
    secret: String,
    recovery: Vec<String>,
}

impl Ana {
    /// Registers Ana without a second factor.
    async fn without() -> Self {
        let clock = Clock::fixed(i64::try_from(NOW).unwrap());
        let nexo = nexo_at(TestContext::new("nexo_auth").await, &[], &clock).await;
        Self::called(&nexo, "ana@acme.test", "Acme").await
    }

    /// Registers another user with an account.
    async fn called(nexo: &TestApp, email: &str, account: &str) -> Self {
        let tokens = registered(nexo, email, account).await;
        let (person, email) = (person(nexo, &tokens), email.to_owned());
        Self { nexo: nexo.clone(), person, email, tokens, secret: String::new(), recovery: Vec::new() }
    }

    /// Registers Ana with a second factor, and refreshes her session.
    async fn with() -> Self {
        let mut ana = Self::without().await;
        ana.begin().await;
        ana.confirm().await;
        ana
    }

    async fn begin(&mut self) -> Value {
        let begun = self.person.post("/auth/second-factor", json!({ "password": PASSWORD })).await;
        let begun = begun.expect(StatusCode::OK);
        begun["secret"].as_str().unwrap().clone_into(&mut self.secret);
        begun
    }

    async fn confirm(&mut self) {
        let confirmed =
            self.person.post("/auth/second-factor/confirm", json!({ "code": self.code(0) })).await;
        let confirmed = confirmed.expect(StatusCode::OK);
        self.recovery = serde_json::from_value(confirmed["recovery_codes"].clone()).unwrap();
        self.refresh().await;
    }

    async fn refresh(&mut self) {
        let shown = json!({ "refresh_token": self.tokens["refresh_token"] });
        self.tokens = post(&self.nexo, "refresh", shown).await.expect(StatusCode::OK);
        self.person = person(&self.nexo, &self.tokens);
    }

    /// The code that her app shows `steps` time steps from now.
    fn code(&self, steps: i64) -> String {
        let secret = Secret::try_from_base32(&self.secret).unwrap();
        let app: Totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        app.generate(NOW.checked_add_signed(30 * steps).unwrap()).to_string()
    }

    async fn login(&self, code: Option<&str>) -> TestResponse {
        let body = json!({ "email": self.email, "password": PASSWORD, "code": code });
        post(&self.nexo, "login", body).await
    }

    /// Makes codes of used time steps valid again, as if time had passed.
    async fn forget_steps(&self) {
        self.run("update app.user_factors set last_step = 0").await;
    }

    async fn run(&self, statements: &str) {
        self.nexo.ground.database.run(statements).await;
    }

    async fn state(&self) -> Value {
        self.person.get("/auth/second-factor").await.expect(StatusCode::OK)
    }
}

#[track_caller]
fn refused(answer: TestResponse, status: StatusCode, code: &str) {
    assert_eq!(answer.expect(status)["code"], code);
}

#[tokio::test]
async fn a_factor_is_begun_with_the_password_confirmed_with_a_code_and_then_asked_for() {
    let mut ana = Ana::without().await;
    assert_eq!(
        ana.state().await,
        json!({ "enabled": false, "confirmed_at": null, "recovery_codes_left": 0 })
    );
    let wrong = ana.person.post("/auth/second-factor", json!({ "password": "wrong" })).await;
    refused(wrong, StatusCode::UNPROCESSABLE_ENTITY, "password-wrong");
    let early = ana.person.post("/auth/second-factor/confirm", json!({ "code": "123456" })).await;
    refused(early, StatusCode::CONFLICT, "second-factor-not-begun");

    let begun = ana.begin().await;
    let uri = format!("otpauth://totp/NEXO:ana%40acme.test?secret={}&issuer=NEXO", ana.secret);
    assert_eq!((begun["otpauth_uri"].as_str().unwrap(), ana.secret.len()), (uri.as_str(), 32));
    assert!(begun["qr_svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(ana.state().await["enabled"], false, "not before the first code");
    ana.login(None).await.expect(StatusCode::OK);
    let wrong = ana.person.post("/auth/second-factor/confirm", json!({ "code": ana.code(9) })).await;
    refused(wrong, StatusCode::UNPROCESSABLE_ENTITY, "second-factor-wrong");

    let before = ana.tokens.clone();
    ana.confirm().await;
    assert_eq!(me(&ana.nexo, &before).await.status, StatusCode::UNAUTHORIZED, "to be refreshed");
    let state = ana.state().await;
    assert_eq!((&state["enabled"], &state["recovery_codes_left"]), (&json!(true), &json!(10)));
    assert_eq!(letter(&ana.nexo, "ana@acme.test").await["subject"], "A second factor was added");
    refused(ana.login(None).await, StatusCode::UNAUTHORIZED, "second-factor-required");
    refused(ana.login(Some(&ana.code(0))).await, StatusCode::UNAUTHORIZED, "second-factor-wrong");
    ana.login(Some(&ana.code(1))).await.expect(StatusCode::OK);
    let again = ana.person.post("/auth/second-factor", json!({ "password": PASSWORD })).await;
    refused(again, StatusCode::CONFLICT, "second-factor-exists");
    let again = ana.person.post("/auth/second-factor/confirm", json!({ "code": ana.code(1) })).await;
    refused(again, StatusCode::CONFLICT, "second-factor-exists");

    let removed = ana.person.send(Method::DELETE, "/auth/second-factor", None, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.body);
    assert_eq!(letter(&ana.nexo, "ana@acme.test").await["subject"], "Your second factor was removed");
    ana.refresh().await;
    assert_eq!(ana.state().await["enabled"], false);
    ana.login(None).await.expect(StatusCode::OK);
    let gone = ana.person.send(Method::DELETE, "/auth/second-factor", None, None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_factor_that_is_begun_anew_or_too_late_is_not_confirmed_by_the_old_code() {
    let mut ana = Ana::without().await;
    ana.begin().await;
    let old = ana.code(0);
    ana.begin().await;
    let shown = ana.person.post("/auth/second-factor/confirm", json!({ "code": old })).await;
    refused(shown, StatusCode::UNPROCESSABLE_ENTITY, "second-factor-wrong");
    ana.run("update app.user_factors set begun_at = now() - interval '61 minutes'").await;
    let late = ana.person.post("/auth/second-factor/confirm", json!({ "code": ana.code(0) })).await;
    refused(late, StatusCode::CONFLICT, "second-factor-not-begun");
    ana.begin().await;
    ana.confirm().await;
}
