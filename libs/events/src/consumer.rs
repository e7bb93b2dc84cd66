//! Who works on events.

use async_trait::async_trait;
use db::TenantTx;

use crate::Event;

/// Something that is done about events: once for each, in the account where it happened, and for each record in the order
/// of its versions.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Names its queue, and what it has done: it never changes.
    fn name(&self) -> &'static str;

    /// The topics that it wants: `crm.task.created`; `*` stands for one word, `#` for any number of them.
    fn topics(&self) -> &'static [&'static str];

    /// Works on one event. What it writes through `tx` is committed together with the note that the event was worked on,
    /// and whatever it does besides may happen again.
    async fn handle(&self, tx: &mut TenantTx, event: &Event) -> Result<(), Failure>;
}

/// Why an event could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It never can be: it is parked at once.
    #[error("{0}")]
    Poison(String),
    /// The database; it is tried again.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// Something else; it is tried again.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<serde_json::Error> for Failure {
    /// An event does not become another by waiting.
    fn from(error: serde_json::Error) -> Self {
        Self::Poison(error.to_string())
    }
}

/// Whether a consumer's `pattern` takes `topic`, as a topic exchange has it.
pub(crate) fn takes(pattern: &str, topic: &str) -> bool {
    fn all(pattern: &[&str], topic: &[&str]) -> bool {
        match (pattern, topic) {
            ([], []) => true,
            (["#", rest @ ..], _) => {
                (0..=topic.len()).any(|skip| topic.get(skip..).is_some_and(|left| all(rest, left)))
            }
            ([one, rest @ ..], [word, left @ ..]) => (*one == "*" || one == word) && all(rest, left),
            _ => false,
        }
    }
    all(&pattern.split('.').collect::<Vec<_>>(), &topic.split('.').collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_the_topics_that_a_topic_exchange_would_send_it() {
        for (pattern, topic, taken) in [
            ("crm.task.created", "crm.task.created", true),
            ("crm.task.created", "crm.task.changed", false),
            ("crm.task.*", "crm.task.changed", true),
            ("crm.*", "crm.task.changed", false),
            ("crm.#", "crm.task.changed", true),
            ("#", "crm.task.changed", true),
            ("#.changed", "crm.task.changed", true),
            ("#.created", "crm.task.changed", false),
            ("crm.#.changed", "crm.changed", true),
        ] {
            assert_eq!(takes(pattern, topic), taken, "{pattern} {topic}");
        }
    }
}
