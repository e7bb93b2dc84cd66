//! A real provider in a child process, and a browser.

use std::{collections::BTreeMap, process::Stdio};

use reqwest::{
    Client, StatusCode, Url,
    header::{COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// Redirect URL of the front-end. Nothing listens there: the browser stops before it.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/back";
pub(crate) const CLIENT: &str = "nexo";
pub(crate) const SECRET: &str = "a-secret-of-the-provider";

/// Where the provider puts the e-mail. It signs with RSA in one case and with an elliptic curve in the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claims {
    UserInfo,
    IdToken,
}

/// A running provider, used by one test.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    process: Child,
    browser: Client,
}

/// Parameters of the redirect back to the front-end.
pub(crate) struct Back {
    pub(crate) state: String,
    pub(crate) code: String,
    pub(crate) iss: String,
}

impl Provider {
    pub(crate) async fn start(claims: Claims) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/oidc/provider.mjs");
        let claims = if claims == Claims::IdToken { "id_token" } else { "userinfo" };
        let mut command = Command::new("node");
        command.args([script, CLIENT, SECRET, REDIRECT, claims]).kill_on_drop(true);
        // The process exits when its standard input closes, so that it does not outlive a killed test.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut told = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = told.next_line().await.unwrap().unwrap();
        let browser = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { issuer, process, browser }
    }

    /// Sets the user who logs in from now on.
    pub(crate) async fn person(&self, sub: &str, email: &str, verified: bool) {
        let person = json!({ "sub": sub, "email": email, "email_verified": verified });
        let url = format!("{}/person", self.issuer);
        let answer = self.browser.put(url).body(person.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// Replaces the provider's signing key.
    pub(crate) async fn new_key(&self) {
        let answer = self.browser.put(format!("{}/key", self.issuer)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// Follows the redirects of a login back to the front-end.
    pub(crate) async fn walk(&self, url: &str) -> Back {
        let (mut cookies, mut url) = (BTreeMap::new(), Url::parse(url).unwrap());
        while !url.as_str().starts_with(REDIRECT) {
            let jar: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = self.browser.get(url.clone()).header(COOKIE, jar.join("; ")).send().await.unwrap();
            assert!(
                answer.status().is_redirection(),
                "{url} leads nowhere: {}",
                answer.text().await.unwrap()
            );
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            url = url.join(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
        }
        let told: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let [state, code, iss] = ["state", "code", "iss"].map(|name| told[name].clone());
        Back { state, code, iss }
    }

    /// Kills the process and waits for its exit.
    pub(crate) async fn stop(mut self) {
        self.process.kill().await.unwrap();
    }
}

impl Back {
    pub(crate) fn body(&self) -> Value {
        json!({ "state": self.state, "code": self.code, "iss": self.iss })
    }
}
