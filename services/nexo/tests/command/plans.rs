//! `nexo account plan` while NEXO is running.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::Redis;
use tokio::time::{Instant, sleep};

use crate::process::{Nexo, home};

#[tokio::test]
async fn an_operator_gives_an_account_a_plan_and_the_gateway_follows_within_seconds() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let token = nexo.register("ana@acme.test").await;
    assert_eq!(nexo.get_as(&token, "/api/rate-limit").await["plan"], "free");
    let (code, said) = Nexo::command(&home, &["account", "plan", "n"]);
    assert!(code == 0 && said.contains("n has the plan free"), "{said}");

    let (code, said) = Nexo::command(&home, &["account", "plan", "n", "pro", "--json"]);
    assert_eq!(code, 0, "{said}");
    let told: Value = serde_json::from_str(&said[said.find('{').unwrap()..]).unwrap();
    assert_eq!((&told["plan"], &told["reads_burst"]), (&json!("pro"), &json!(3000)));
    let start = Instant::now();
    let shown = loop {
        let shown = nexo.get_as(&token, "/api/rate-limit").await;
        if shown["plan"] == "pro" {
            break shown;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{shown}");
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((&shown["buckets"][0]["limit"], &shown["at_once"]), (&json!(3000), &json!(128)));
    nexo.sql(
        "do $$ begin if (select card->>'was' || outcome from ops.operator_log where operation = 'give n the plan pro') is distinct from 'freedone'
         then raise 'it was not noted'; end if; end $$",
    )
    .await;

    for (arguments, word) in
        [(["nobody", "pro"], "there is no account nobody"), (["n", "gold"], "possible values: free")]
    {
        let (code, said) = Nexo::command(&home, &[&["account", "plan"], &arguments[..]].concat());
        assert!(code == 2 && said.contains(word), "{said}");
    }
    nexo.stop().await;
}

#[tokio::test]
async fn with_redis_a_nexo_says_when_it_is_gone_and_goes_on() {
    let (home, mut redis) = (home(), Redis::start().await);
    let nexo = Nexo::up_with(&home, &[], &[("REDIS_URL", &redis.url())]).await;
    let token = nexo.register("ana@acme.test").await;
    let told = async |status: &str, parts: &str| {
        for _ in 0..300 {
            let health = nexo.get("/api/health").await;
            let gateway = &health["parts"]["api-gateway"]["parts"];
            if *gateway == json!({ "limits": parts, "revocation": parts }) {
                return assert_eq!(health["status"], status);
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("it is never {status}");
    };
    told("up", "up").await;
    // A bucket's key expires when the bucket is full again, half a second after the last request.
    let mut keys = String::new();
    for name in ["ben", "eve", "kim", "lea", "max", "zoe"] {
        nexo.register(&format!("{name}@acme.test")).await;
        keys = redis.say("KEYS *").await.unwrap();
        if keys.contains("nexo:limit:address:") {
            break;
        }
    }
    assert!(keys.contains("nexo:limit:address:"), "{keys}");
    redis.kill();
    assert_eq!(nexo.get_as(&token, "/api/v1/clients").await["data"], json!([]));
    told("degraded", "down").await;
    assert_eq!(nexo.get_as(&token, "/api/v1/clients").await["data"], json!([]));
    redis.start_again().await;
    told("up", "up").await;
    nexo.stop().await;
}
