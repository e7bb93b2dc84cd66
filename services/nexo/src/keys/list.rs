use serde_json::json;

use super::{
    Office,
    kept::{Kept, Keys},
    moment,
};
use crate::say;

pub(super) async fn list(office: &mut Office) -> anyhow::Result<()> {
    let keys = Keys::read(&mut office.conn, office.mint.forgets_after()).await?;
    let given = office.mint.given()?.map(|key| key.public().kid.clone());
    if office.json {
        return say::json(&json!({ "keys": keys.all, "given": given }));
    }
    if let Some(kid) = given {
        say::line(&format!("NEXO_SIGNING_KEY is set: its key {kid} signs; those below only verify"));
    }
    if keys.all.is_empty() {
        say::line("there are no keys yet: auth-service makes them when it starts");
        return Ok(());
    }
    say::line(&format!("{:<8} {:<43} {:<8} tokens", "state", "key", "age"));
    for key in &keys.all {
        say::line(&format!(
            "{:<8} {:<43} {:<8} {}",
            key.state,
            key.kid,
            age(key.age_seconds),
            tokens(key, &keys)
        ));
    }
    Ok(())
}

fn tokens(key: &Kept, keys: &Keys) -> String {
    match (key.ended_at, key.tokens_until) {
        (Some(ended), _) => format!("refused since {}", moment(ended)),
        (None, Some(until)) if until > keys.now => format!("good until {}", moment(until)),
        (None, Some(until)) => format!("expired by {}", moment(until)),
        (None, None) if key.state == "current" => "it signs now".to_owned(),
        (None, None) => "none yet".to_owned(),
    }
}

/// In the largest unit of which there are two or more.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
