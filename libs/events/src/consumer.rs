//! The consumer interface.

use async_trait::async_trait;
use db::TenantTx;

use crate::Event;

/// A handler of events: processes each event once, in the account where it happened, and those of one record in
/// version order.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Name of the queue, and key of the processed events; never changes.
    fn name(&self) -> &'static str;

    /// Topics to receive, such as `crm.task.created`; `*` matches one word, `#` any number of words.
    fn topics(&self) -> &'static [&'static str];

    /// Processes one event. Writes through `tx` are committed atomically with the mark that the event is
    /// processed. Other side effects may be repeated and must be idempotent.
    async fn handle(&self, tx: &mut TenantTx, event: &Event) -> Result<(), Failure>;
}

/// Reason why an event could not be processed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event can never be processed: it is parked at once.
    #[error("{0}")]
    Poison(String),
    /// The database failed; the event is retried.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// Any other failure; the event is retried.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<serde_json::Error> for Failure {
    /// A malformed event is permanent: a retry cannot help.
    fn from(error: serde_json::Error) -> Self {
        Self::Poison(error.to_string())
    }
}

/// Whether `pattern` matches `topic`, by the rules of a topic exchange.
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
