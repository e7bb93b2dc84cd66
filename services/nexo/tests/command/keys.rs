//! `nexo keys …` while services run as separate processes, as in production.

use std::{path::Path, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use testkit::Database;
use tokio::time::{Instant, sleep};

use crate::{
    api::Api,
    boot::{Booted, boot, healthy},
    process::{Nexo, home},
};

/// Services that reload keys every second.
struct Site {
    database: Database,
    auth: Booted,
    crm: Booted,
    _state: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let (database, state) = (Database::migrated().await, tempfile::tempdir().unwrap());
        let auth =
            boot(&database, "auth-service", state.path(), &[("NEXO_SIGNING_KEYS_REFRESH_SECONDS", "1")]);
        let jwks = format!("http://127.0.0.1:{}/.well-known/jwks.json", auth.port);
        let often = [("NEXO_JWKS_URL", jwks.as_str()), ("NEXO_JWKS_REFRESH_SECONDS", "1")];
        let crm = boot(&database, "crm-service", state.path(), &often);
        assert!(healthy(auth.port).await && healthy(crm.port).await);
        Self { database, auth, crm, _state: state }
    }

    /// Runs `nexo keys …`: exit code and output.
    fn keys(&self, arguments: &[&str], more: &[(&str, &str)]) -> (i32, String) {
        let settings = self.database.settings("nexo_migrator");
        let mut settings: Vec<_> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        settings.extend(more);
        Nexo::command_with(&home(), &[&["keys"], arguments].concat(), &settings)
    }

    /// Runs `nexo keys …` successfully and returns its JSON output.
    fn done(&self, arguments: &[&str]) -> Value {
        let (code, said) = self.keys(&[arguments, &["--json"]].concat(), &[]);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        let answer = said.find('{').map(|begin| &said[begin..]).unwrap();
        serde_json::from_str(answer).unwrap()
    }

    fn signing(&self) -> String {
        let keys = self.done(&["list"]);
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["state"] == "current");
        key.unwrap()["kid"].as_str().unwrap().to_owned()
    }

    /// Makes the next key old enough to sign.
    async fn age(&self) {
        self.database.run("update app.signing_keys set created_at = now() - interval '6 minutes'").await;
    }

    /// Checks that the operator log says this, oldest first.
    async fn is_noted(&self, wanted: &str) {
        let check = format!(
            "do $$ declare said text := (select string_agg(operation || ':' || outcome, ', ' order by id) from ops.operator_log);
             begin if said is distinct from '{wanted}' then raise '%', said; end if; end $$"
        );
        self.database.run(check.as_str()).await;
    }

    async fn register(&self, email: &str) -> String {
        Api { url: format!("http://127.0.0.1:{}", self.auth.port) }.register(email).await
    }

    /// Status of crm-service's response to a token.
    async fn verdict(&self, token: &str) -> Value {
        let crm = Api { url: format!("http://127.0.0.1:{}", self.crm.port) };
        crm.get_as(token, "/api/v1/clients").await["status"].clone()
    }
}

/// The id of the key that signed the token.
fn signer(token: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_and_retired_while_services_run() {
    let site = Site::start().await;
    let first = site.signing();
    let before = site.register("ana@acme.test").await;
    assert_eq!((signer(&before), site.verdict(&before).await), (first.clone(), Value::Null));

    let (code, said) = site.keys(&["rotate"], &[]);
    assert!(code == 1 && said.contains("try again in") && said.contains("--now"), "{said}");
    site.age().await;
    let rotated = site.done(&["rotate"]);
    assert_eq!(rotated["retired"], first.as_str());
    let began = Instant::now();
    let mut at = 0;
    let after = loop {
        at += 1;
        let token = site.register(&format!("ben{at}@acme.test")).await;
        if signer(&token) == rotated["current"] {
            break token;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "auth-service signs with the old key");
    };
    for token in [&before, &after] {
        assert_eq!(site.verdict(token).await, Value::Null, "no token is refused by a rotation");
    }

    let (code, said) = site.keys(&["retire", &site.signing()], &[]);
    assert!(code == 1 && said.contains("run `nexo keys rotate` first"), "{said}");
    assert_eq!(site.done(&["retire", &first])["ended"], first.as_str());
    site.is_noted(&format!("rotate the signing keys:done, retire the signing key {first}:done")).await;
    let began = Instant::now();
    while site.verdict(&before).await != 401 {
        assert!(began.elapsed() < Duration::from_secs(5), "a leaked key is still good");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(site.verdict(&after).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_commands_cannot_do_is_said_with_the_way_out() {
    let site = Site::start().await;
    let given = identity::SigningKey::generate().unwrap();
    let given = [("NEXO_SIGNING_KEY", secrecy::ExposeSecret::expose_secret(&given))];
    let (code, said) = site.keys(&["rotate", "--now"], &given);
    assert!(code == 1 && said.contains("NEXO_SIGNING_KEY is set") && said.contains("Take it out"), "{said}");
    let (code, said) = site.keys(&["list"], &given);
    assert!(code == 0 && said.contains("those below only verify"), "{said}");
    let (code, said) = site.keys(&["list"], &[("NEXO_SIGNING_KEY", "no key")]);
    assert!(code == 2 && said.contains("NEXO_SIGNING_KEY cannot be used"), "{said}");
    let (code, said) = site.keys(&["retire", "-unknown"], &[]);
    assert!(code == 1 && said.contains("there is no key -unknown"), "{said}");

    let other = [("NEXO_SECRET", "another secret, as long as it has to be")];
    let first = site.signing();
    let (code, said) = site.keys(&["rotate", "--now"], &other);
    assert!(code == 1 && said.contains("another NEXO_SECRET") && said.contains("--replace-all"), "{said}");
    assert_eq!(site.signing(), first, "nothing was done");
    let (code, said) = site.keys(&["rotate", "--replace-all"], &other);
    assert!(code == 4 && said.contains("every access token is refused"), "{said}");
    assert_eq!(site.signing(), first, "nothing was done");
    let name = site.database.superuser().get_database().unwrap().to_owned();
    let (code, said) = site.keys(&["rotate", "--replace-all", "--confirm", &name], &other);
    assert!(code == 0 && said.contains("start every service again, with the NEXO_SECRET"), "{said}");
    assert_ne!(site.signing(), first);
    assert!(!healthy_again(&site).await, "auth-service has not got the new secret");
    site.is_noted("end every signing key, and make new ones:nothing was done, end every signing key, and make new ones:done")
        .await;

    let database = Database::migrated().await;
    let settings = database.settings("nexo_migrator");
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (code, said) = Nexo::command_with(&home(), &["keys", "rotate"], &settings);
    assert!(code == 1 && said.contains("auth-service makes them when it starts"), "{said}");
    let (code, said) = Nexo::command(&home(), &["keys", "list"]);
    assert!(code == 2 && said.contains("start one with `nexo up`"), "{said}");
}

/// True if a new auth-service starts with the tests' secret.
async fn healthy_again(site: &Site) -> bool {
    let mut booted = boot(&site.database, "auth-service", Path::new("/nonexistent"), &[]);
    for _ in 0..100 {
        if booted.ended() {
            return false;
        }
        sleep(Duration::from_millis(100)).await;
    }
    true
}

#[tokio::test]
async fn nexo_up_rotates_its_own_keys() {
    let home = home();
    let nexo = Nexo::up(&home, &["--demo"]).await;
    let token = nexo.login("ana@acme.example", "demo-lantern-orbit").await;
    let (code, said) = Nexo::command(&home, &["keys", "rotate", "--now"]);
    assert!(code == 0 && said.contains("may refuse its tokens") && said.contains(&signer(&token)), "{said}");
    let (code, said) = Nexo::command(&home, &["keys", "list"]);
    assert!(code == 0 && said.contains("it signs now") && said.contains("good until"), "{said}");
    // The next key is retired likewise and replaced by another one. A key id may begin with a hyphen.
    let next = said.lines().find(|line| line.starts_with("next")).unwrap();
    let next = next.split_whitespace().nth(1).unwrap();
    let (code, said) = Nexo::command(&home, &["keys", "retire", next]);
    assert!(code == 0 && said.contains("has ended") && said.contains("next "), "{said}");
    let (code, said) = Nexo::command(&home, &["keys", "retire", next]);
    assert!(code == 0 && said.contains("had ended already"), "{said}");
    assert_eq!(nexo.get_as(&token, "/api/v1/clients?count=exact").await["page"]["total"], 3);
    nexo.stop().await;
}
