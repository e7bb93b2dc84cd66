//! Message format: CloudEvents 1.0 in structured mode, <https://github.com/cloudevents/spec>.

use db::PendingEvent;
use kernel::{AccountId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Content type of a message.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// An event of an account's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Version of the specification; always `1.0`.
    specversion: String,
    /// Id of the event; unchanged when it is redelivered.
    pub id: Uuid,
    /// Source of the event, such as `/nexo/crm`.
    source: String,
    /// Topic of the event, such as `crm.client.created`.
    #[serde(rename = "type")]
    pub topic: String,
    /// Type and id of the record: `client/0199…`.
    pub subject: String,
    /// Time of the change, in RFC 3339 format.
    pub time: String,
    /// Media type of `data`; always `application/json`.
    datacontenttype: String,
    /// Account that the record belongs to.
    #[serde(rename = "accountid")]
    pub account: AccountId,
    /// User who made the change.
    #[serde(rename = "actorid")]
    pub actor: UserId,
    /// Request that made the change.
    #[serde(rename = "requestid")]
    pub request: Uuid,
    /// Version of the record after the change; events of one record arrive in this order.
    #[serde(rename = "recordversion")]
    pub version: i64,
    /// Trace context of the change (extension for distributed tracing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// State of the record after the change.
    pub data: Value,
}

/// Reason why a message is not a valid event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The message is not JSON, or lacks required fields.
    #[error("it is not an event: {0}")]
    Form(#[from] serde_json::Error),
    /// The message has an unsupported version of the specification.
    #[error("it is of CloudEvents {0}, and 1.0 is understood")]
    Version(String),
    /// The subject does not name a record.
    #[error("its subject names no record: {0}")]
    Subject(String),
}

impl From<PendingEvent> for Event {
    fn from(row: PendingEvent) -> Self {
        let area = row.topic.split('.').next().unwrap_or_default();
        Self {
            specversion: "1.0".to_owned(),
            id: row.id,
            source: format!("/nexo/{area}"),
            subject: format!("{}/{}", row.resource, row.record_id),
            topic: row.topic,
            time: row.time,
            datacontenttype: "application/json".to_owned(),
            account: row.account_id,
            actor: row.created_by,
            request: row.request_id,
            version: row.version,
            traceparent: row.traceparent,
            data: row.payload,
        }
    }
}

impl Event {
    /// Parses and validates a message.
    pub fn read(message: &[u8]) -> Result<Self, EventError> {
        let event: Self = serde_json::from_slice(message)?;
        if event.specversion != "1.0" {
            return Err(EventError::Version(event.specversion));
        }
        match event.record() {
            Some(_) => Ok(event),
            None => Err(EventError::Subject(event.subject)),
        }
    }

    /// Serializes the event as a message.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Type and id of the record.
    #[must_use]
    pub fn record(&self) -> Option<(&str, Uuid)> {
        let (resource, id) = self.subject.split_once('/')?;
        Some((resource, id.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Event {
        Event::from(PendingEvent {
            account_id: AccountId::new(),
            id: Uuid::now_v7(),
            topic: "crm.client.created".to_owned(),
            resource: "client".to_owned(),
            record_id: Uuid::now_v7(),
            version: 1,
            payload: json!({ "name": "Acme" }),
            request_id: Uuid::now_v7(),
            time: "2026-11-21T18:00:00.000001Z".to_owned(),
            created_by: UserId::new(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        })
    }

    #[test]
    fn an_event_is_a_cloud_event_and_reads_as_it_was_written() {
        let event = event();
        let message = event.write().unwrap();
        let json: Value = serde_json::from_slice(&message).unwrap();
        for (name, value) in [
            ("specversion", json!("1.0")),
            ("source", json!("/nexo/crm")),
            ("type", json!("crm.client.created")),
            ("datacontenttype", json!("application/json")),
            ("accountid", json!(event.account)),
            ("recordversion", json!(1)),
            ("data", json!({ "name": "Acme" })),
        ] {
            assert_eq!(json[name], value, "{name}");
        }
        let attribute = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(
            json.as_object().unwrap().keys().all(attribute),
            "CloudEvents names have small letters alone"
        );
        assert_eq!(Event::read(&message).unwrap(), event);
    }

    #[test]
    fn what_is_no_event_says_why() {
        let mut json = serde_json::to_value(event()).unwrap();
        json["specversion"] = json!("2.0");
        assert!(
            Event::read(json.to_string().as_bytes()).unwrap_err().to_string().contains("CloudEvents 2.0")
        );
        json["specversion"] = json!("1.0");
        json["subject"] = json!("client");
        assert!(matches!(Event::read(json.to_string().as_bytes()), Err(EventError::Subject(_))));
        json.as_object_mut().unwrap().remove("accountid");
        assert!(matches!(Event::read(json.to_string().as_bytes()), Err(EventError::Form(_))));
    }
}
