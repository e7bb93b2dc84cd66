//! An import whose process is killed, and which another process resumes.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::process::{Nexo, home};

const LINES: usize = 12_000;

/// Every hundredth row has an error. The file exceeds the size limit of other bodies, which the gateway does not apply
/// to it.
fn file() -> String {
    let rating = |n: usize| if n.is_multiple_of(100) { 9 } else { n % 5 + 1 };
    let lines = (1..=LINES).map(|n| format!("T-{n},Client {n},{},{}\n", rating(n), "x".repeat(100)));
    format!("tax_id,name,rating,remark\n{}", lines.collect::<String>())
}

async fn import(nexo: &Nexo, token: &str, id: &str) -> Value {
    nexo.get_as(token, &format!("/api/v1/imports/{id}")).await
}

async fn until(nexo: &Nexo, token: &str, id: &str, good: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..3_000 {
        let seen = import(nexo, token, id).await;
        if good(&seen) {
            return seen;
        }
        assert_ne!(seen["status"], "failed", "{seen}");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("it does not come so far: {}", import(nexo, token, id).await);
}

#[tokio::test]
async fn a_killed_import_is_gone_on_with_and_no_line_is_lost_or_done_twice() {
    let home = home();
    let mut killed = Nexo::up(&home, &[]).await;
    let token = killed.register("ana@nexo.test").await;
    let at = ("POST", "/api/v1/imports?resource=clients&file_name=clients.csv");
    let sent = killed.send_as(&token, at, "text/csv", 1, file()).await;
    let id = sent["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    let plan = json!({ "mode": "create", "mapping": [
        { "field": "tax_id", "column": "tax_id" }, { "field": "name", "column": "name" }, { "field": "rating", "column": "rating" } ] });
    let planned = killed
        .send_as(
            &token,
            ("PUT", &format!("/api/v1/imports/{id}/plan")),
            "application/json",
            1,
            plan.to_string(),
        )
        .await;
    assert_eq!(planned["status"], "ready", "{planned}");
    killed.post_as(&token, &format!("/api/v1/imports/{id}/start"), &json!({})).await;
    let done = |seen: &Value| seen["job"]["done"].as_u64().unwrap_or(0);
    let before = until(&killed, &token, &id, |seen| done(seen) >= 3_000).await;
    killed.kill().await;
    assert_eq!(before["status"], "running", "it was killed on its way: {before}");

    let next = Nexo::up(&home, &[]).await;
    let after = until(&next, &token, &id, |seen| seen["status"] == "done").await;
    assert!(done(&after) > done(&before));
    let good = LINES - LINES / 100;
    assert_eq!((&after["done"]["created"], &after["done"]["failed"]), (&json!(good), &json!(LINES / 100)));
    let mut clients = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = next.get_as(&token, &format!("/api/v1/clients?limit=200{cursor}")).await;
        let data = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
        clients.extend(data.iter().map(|one| one["tax_id"].as_str().unwrap().to_owned()));
        let Some(more) = page["page"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={more}");
    }
    assert_eq!((clients.len(), clients.iter().collect::<BTreeSet<_>>().len()), (good, good));
    let faults = next.get_as(&token, &format!("/api/v1/imports/{id}/errors?limit=1000")).await;
    let faults = faults["data"].as_array().unwrap();
    let lines: Vec<u64> = faults.iter().map(|one| one["line"].as_u64().unwrap()).collect();
    let wanted: Vec<u64> = (1..=LINES).filter(|n| n % 100 == 0).map(|n| n as u64 + 1).collect();
    assert_eq!(lines, wanted);
    assert!(faults.iter().all(|one| one["column"] == "rating" && one["code"] == "range"));
    next.stop().await;
}
