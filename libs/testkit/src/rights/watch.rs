use http::StatusCode;
use kernel::UserId;
use serde_json::{Value, json};

use super::{
    Case, Sample,
    requests::{Shot, Target},
};
use crate::Answer;

/// What is left of a record for a caller who may not read it.
const ALWAYS: [&str; 2] = ["id", "version"];

/// Who looks at an answer, and what they may not see in it.
pub(super) struct Watch<'w> {
    pub(super) sample: &'w Sample,
    /// The resources whose records are about those of the sample, and go where they go.
    pub(super) about: Vec<&'w Sample>,
    pub(super) case: &'w Case,
    /// The request is about a record of the resource itself, and not about one that refers to it.
    pub(super) own: bool,
    pub(super) special: bool,
    pub(super) boss: UserId,
}

impl Watch<'_> {
    pub(super) fn look(&self, answer: &Answer, shot: &Shot, target: Option<&Value>, place: &str) {
        let text = answer.text();
        assert!(!answer.status.is_server_error(), "{place}: {} {text}", answer.status);
        for mark in self.unseen() {
            assert!(!text.contains(&mark), "{place} shows {mark}: {text}");
        }
        match self.case {
            Case::NoRead if self.own && !self.special => self.look_blind(answer, shot, place),
            Case::Own | Case::Team if self.own && !self.special => {
                self.look_from_afar(answer, shot, target, place)
            }
            Case::Hidden(fields) if self.own && !self.special => {
                assert!(!holds(&answer.body, fields), "{place} shows one of {fields:?}: {text}");
                if shot.names_hidden {
                    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{place}: {text}");
                }
            }
            Case::Suspended | Case::Removed => {
                assert!(!answer.status.is_success(), "{place}: {} {text}", answer.status);
            }
            _ => {}
        }
    }

    /// What the texts begin with that the caller sees nowhere.
    fn unseen(&self) -> Vec<String> {
        let marks = |sample: &Sample| sample.marked().map(|field| sample.mark(&field)).collect::<Vec<_>>();
        match self.case {
            Case::Hidden(fields) => {
                let hidden = self.sample.marked().filter(|field| fields.contains(field));
                hidden.map(|field| self.sample.mark(&field)).collect()
            }
            _ => [self.sample].into_iter().chain(self.about.iter().copied()).flat_map(marks).collect(),
        }
    }

    fn look_blind(&self, answer: &Answer, shot: &Shot, place: &str) {
        let text = answer.text();
        if let Some(status) = shot.blind {
            assert_eq!(answer.status, status, "{place}: {text}");
        }
        let mut fields = self.sample.fields();
        fields.extend(["created_at", "created_by", "updated_at", "updated_by"].map(ToOwned::to_owned));
        fields.retain(|field| !ALWAYS.contains(&field.as_str()));
        assert!(!holds(&answer.body, &fields), "{place} shows more than id and version: {text}");
        if answer.status == StatusCode::PRECONDITION_FAILED {
            let current = answer.body["current"].as_object().unwrap();
            assert_eq!(current.keys().collect::<Vec<_>>(), ALWAYS, "{place}: {text}");
        }
    }

    fn look_from_afar(&self, answer: &Answer, shot: &Shot, target: Option<&Value>, place: &str) {
        let text = answer.text();
        assert!(!text.contains(&format!("\"owner_id\":\"{}\"", self.boss)), "{place}: {text}");
        if let Some(target) = target {
            let id = target["id"].as_str().unwrap();
            let found = answer.status.is_success() && answer.status != StatusCode::MULTI_STATUS;
            let there =
                found || [StatusCode::PRECONDITION_FAILED, StatusCode::CONFLICT].contains(&answer.status);
            assert!(!there, "{place}: {} of {id}, which is out of reach: {text}", answer.status);
            if answer.status == StatusCode::MULTI_STATUS {
                assert_eq!(answer.body["data"][0]["status"], json!(404), "{place}: {text}");
            }
        }
        let by_id =
            shot.on != Target::Base && shot.body.as_ref().is_none_or(|body| body.get("items").is_none());
        if by_id && shot.seen.is_some() {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{place}: {text}");
        }
    }
}

/// Whether one of these is a member of an object in it, at any depth; what a problem or an item of a batch says of itself is
/// no field of a record.
fn holds(value: &Value, fields: &[String]) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, fields)),
        Value::Object(members) => {
            let problem =
                members.get("type").and_then(Value::as_str).is_some_and(|of| of.starts_with("/problems/"));
            let item = members.get("status").is_some_and(Value::is_number);
            if problem {
                return members.get("current").is_some_and(|current| holds(current, fields));
            }
            members.iter().any(|(name, value)| {
                let own = fields.contains(name) && !(item && name == "status");
                own || holds(value, fields)
            })
        }
        _ => false,
    }
}

/// The value with what `by` has in place of a text.
pub(super) fn replaced(value: &Value, by: &impl Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => by(text).unwrap_or_else(|| value.clone()),
        Value::Array(items) => items.iter().map(|item| replaced(item, by)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), replaced(value, by))).collect()
        }
        other => other.clone(),
    }
}
