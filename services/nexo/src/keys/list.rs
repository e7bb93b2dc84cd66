use serde_json::json;

use super::{
    KeysContext, moment,
    store::{StoredKey, StoredKeys},
};
use crate::output;

pub(super) async fn list(office: &mut KeysContext<'_>) -> anyhow::Result<()> {
    let keys = StoredKeys::read(&mut office.conn, office.mint.forgets_after()).await?;
    let given = office.given()?.map(|key| key.public().kid.clone());
    if office.json {
        return output::json(&json!({ "keys": keys.all, "given": given }));
    }
    if let Some(kid) = given {
        output::line(&format!("NEXO_SIGNING_KEY is set: its key {kid} signs; those below only verify"));
    }
    if keys.all.is_empty() {
        output::line("there are no keys yet: auth-service makes them when it starts");
        return Ok(());
    }
    output::line(&format!("{:<8} {:<43} {:<8} tokens", "state", "key", "age"));
    for key in &keys.all {
        output::line(&format!(
            "{:<8} {:<43} {:<8} {}",
            key.state,
            key.kid,
            age(key.age_seconds),
            tokens(key, &keys)
        ));
    }
    Ok(())
}

fn tokens(key: &StoredKey, keys: &StoredKeys) -> String {
    match (key.ended_at, key.tokens_until) {
        (Some(ended), _) => format!("refused since {}", moment(ended)),
        (None, Some(until)) if until > keys.now => format!("good until {}", moment(until)),
        (None, Some(until)) => format!("expired by {}", moment(until)),
        (None, None) if key.state == "current" => "it signs now".to_owned(),
        (None, None) => "none yet".to_owned(),
    }
}

/// Age in the largest unit that gives two or more.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
