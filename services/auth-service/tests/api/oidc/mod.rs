//! Logins at a real provider (`provider.mjs`).

mod connections;
mod logins;
mod provider;
mod refused;

use http::StatusCode;
use serde_json::{Value, json};
use testkit::{TestApp, TestContext, TestResponse, TestUser};

use crate::{nexo_on, post, registered};
use provider::{Back, CLIENT, Claims, Provider, REDIRECT, SECRET};

/// Acme, its provider, and Ana: owner of Acme, and known to the provider.
struct Scene {
    nexo: TestApp,
    provider: Provider,
    ana: Value,
}

impl Scene {
    async fn set(claims: Claims) -> Self {
        let (nexo, provider) = (
            nexo_on(TestContext::new("nexo_auth").await, &[("NEXO_OIDC_REDIRECT_URL", REDIRECT)]).await,
            Provider::start(claims).await,
        );
        let ana = registered(&nexo, "ana@acme.test", "Acme").await;
        connect(&nexo, &ana, &provider.issuer, "acme.test").await.expect(StatusCode::CREATED);
        provider.person("ana-1", "ana@acme.test", true).await;
        Self { nexo, provider, ana }
    }

    /// Starts a login with this request body.
    async fn started(&self, body: Value) -> Value {
        post(&self.nexo, "oidc/start", body).await.expect(StatusCode::OK)
    }

    /// Performs a login up to the redirect back to the front-end.
    async fn walked(&self) -> Back {
        let started = self.started(json!({ "account": "acme", "email": "ana@acme.test" })).await;
        let back = self.provider.walk(started["authorization_url"].as_str().unwrap()).await;
        assert_eq!(started["state"], back.state);
        back
    }

    async fn finish(&self, back: &Back) -> TestResponse {
        post(&self.nexo, "oidc/finish", back.body()).await
    }

    /// Performs a complete login.
    async fn login(&self) -> TestResponse {
        let back = self.walked().await;
        self.finish(&back).await
    }

    #[track_caller]
    fn is_refused(answer: TestResponse) {
        assert_eq!(answer.expect(StatusCode::UNAUTHORIZED)["code"], "login-failed");
    }
}

fn holder(nexo: &TestApp, tokens: &Value) -> TestUser {
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    TestUser { token, ..TestUser::nobody(&nexo.router) }
}

fn connection(issuer: &str, domain: &str) -> Value {
    json!({ "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "domain": domain })
}

async fn connect(nexo: &TestApp, tokens: &Value, issuer: &str, domain: &str) -> TestResponse {
    holder(nexo, tokens).post("/oidc-connections", connection(issuer, domain)).await
}
