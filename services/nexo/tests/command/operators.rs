//! Operator commands on accounts and users while NEXO is running.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::process::{Nexo, home};

/// Enrolls a second factor without an authenticator app.
const FACTOR: &str = "insert into app.user_factors (user_id, secret, confirmed_at)
        select id, '\\x00', now() from app.users where email = 'ana@acme.test';
    insert into app.recovery_codes (user_id, code_hash) select user_id, '\\x01' from app.user_factors";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_second_factor_is_removed_and_those_concerned_get_a_mail() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let token = nexo.register("ana@acme.test").await;
    let another = nexo.post_as(&token, "/api/v1/accounts", &json!({ "name": "Borealis" })).await;
    let reset = |more: &[&str]| {
        let arguments = [&["users", "reset-factor", "Ana@acme.test"][..], more].concat();
        Nexo::command(&home, &arguments)
    };
    let (code, said) = reset(&[]);
    assert!(code == 2 && said.contains("has no second factor"), "{said}");
    let (code, said) = Nexo::command(&home, &["users", "reset-factor", "nobody@acme.test"]);
    assert!(code == 2 && said.contains("there is no user with the e-mail"), "{said}");

    nexo.sql(FACTOR).await;
    let person = json!({ "email": "ana@acme.test", "password": "correct-horse-battery" });
    assert_eq!(nexo.post_as("", "/api/v1/auth/login", &person).await["code"], "second-factor-required");
    let (code, said) = reset(&["--reason", "she came to the desk"]);
    assert!(code == 0 && said.contains("the security events of 2 accounts"), "{said}");
    assert_eq!(nexo.get_as(&token, "/api/v1/clients").await["status"], 401, "her sessions have ended");

    let fresh = nexo.login("ana@acme.test", "correct-horse-battery").await;
    let events = nexo.get_as(&fresh, "/api/v1/security-events").await;
    let event = events["data"].as_array().unwrap().iter().find(|event| event["action"] == "reset");
    let event = event.unwrap_or_else(|| panic!("no event: {events}"));
    assert_eq!((&event["subject"], &event["details"]["by"]), (&json!("factor"), &json!("operator")));
    assert_eq!(event["details"]["reason"], "she came to the desk");
    assert!(another["access_token"].is_string(), "{another}");
    let start = Instant::now();
    let letters = loop {
        let letters = nexo.get("/dev/mail?to=ana@acme.test").await;
        let told = |letter: &&Value| letter["subject"] == "Your second factor was taken away";
        let count = letters["data"].as_array().unwrap().iter().filter(told).count();
        if count > 0 {
            break count;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no letter: {letters}");
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(letters, 1);
    nexo.sql(
        "do $$ begin if (select count(*) from ops.operator_log where operation like 'take away the second factor of %') <> 1
         then raise 'it was not noted'; end if; end $$",
    )
    .await;
    for slug in ["n", "borealis"] {
        let (code, said) = Nexo::command(&home, &["audit", "verify", slug]);
        assert_eq!(code, 0, "{said}");
    }
    nexo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_accounts_and_opens_the_database() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let ana = nexo.register("ana@acme.test").await;
    let ben = nexo.register("ben@borealis.test").await;
    nexo.post_as(&ana, "/api/v1/clients", &json!({ "name": "Of Ana" })).await;
    nexo.post_as(&ben, "/api/v1/clients", &json!({ "name": "Of Ben" })).await;

    let (code, said) = Nexo::command(&home, &["account", "list", "--json"]);
    let accounts: Value = serde_json::from_str(&said[said.find('[').unwrap()..]).unwrap();
    let slugs: Vec<_> =
        accounts.as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap()).collect();
    assert_eq!((code, slugs), (0, vec!["n", "n-2"]), "{said}");
    assert_eq!(accounts[0]["members"], 1);
    assert!(accounts[0]["opened_at"].as_str().unwrap().contains('T'), "{said}");

    let (code, url) = Nexo::command(&home, &["db", "url", "--role", "nexo_app"]);
    assert!(code == 0 && url.trim().starts_with("postgres://nexo_app:"), "{url}");
    let psql = |more: &[&str]| Nexo::command(&home, &[&["db", "psql"][..], more].concat());
    let count = ["-Atc", "select name from app.clients order by name"];
    let (code, said) = psql(&count);
    assert!(code == 0 && said.contains("Of Ana\nOf Ben"), "{said}");
    let (code, said) = psql(&[&["--account", "n-2", "--reason", "they asked"][..], &count].concat());
    assert!(code == 0 && said.contains("Of Ben") && !said.contains("Of Ana"), "{said}");
    let who = "select current_user, rolbypassrls or rolsuper from pg_roles where rolname = current_user";
    let (_, said) = psql(&["--account", "n", "-Atc", who]);
    assert!(said.contains("nexo_app|f"), "{said}");
    for role in ["nexo_migrator", "nexo_backup"] {
        let (code, said) = psql(&["--account", "n", "--role", role, "-Atc", "select 1"]);
        assert!(code == 2 && said.contains("row security does not hold"), "{said}");
    }
    let (code, said) = psql(&["--account", "nobody", "-Atc", "select 1"]);
    assert!(code == 2 && said.contains("there is no account nobody"), "{said}");
    assert_ne!(
        psql(&["-c", "select nonsense", "-v", "ON_ERROR_STOP=1"]).0,
        0,
        "its exit code is that of psql"
    );

    let events = nexo.get_as(&ben, "/api/v1/security-events").await;
    let opened = &events["data"][0];
    assert_eq!(
        (&opened["action"], &opened["details"]["reason"]),
        (&json!("opened_by_operator"), &json!("they asked"))
    );
    nexo.sql(
        "do $$ begin if (select count(*) from ops.operator_log where operation = 'open psql as nexo_app in n-2') <> 1
         then raise 'it was not noted'; end if; end $$",
    )
    .await;
    let (code, said) = Nexo::command(&home, &["audit", "verify", "n-2"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = Nexo::command(&home, &["audit", "rebuild", "n-2"]);
    assert!(code == 4 && said.contains("not confirmed"), "{said}");
    let file = home.path().join("n-2.nexo.tar.zst");
    let (code, said) =
        Nexo::command(&home, &["db", "tenant", "export", "n-2", "--to", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = Nexo::command(&home, &["db", "tenant", "import", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    nexo.sql(
        "do $$ begin if (select count(*) from ops.operator_log where outcome = 'done'
                and (operation = 'export account n-2' or operation like 'import account %')) <> 2
         then raise 'it was not noted'; end if; end $$",
    )
    .await;
    nexo.stop().await;
    let (code, said) = Nexo::command(&home, &["db", "url"]);
    assert!(code == 2 && said.contains("start `nexo up`"), "{said}");
}
