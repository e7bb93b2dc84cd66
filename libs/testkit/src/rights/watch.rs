use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Case, Sample,
    requests::{Shot, Target},
};
use crate::Answer;

/// What is left of a record for a caller who may not read it.
const ALWAYS: [&str; 2] = ["id", "version"];
/// What every record has beside its own fields.
const KEPT: [&str; 4] = ["created_at", "created_by", "updated_at", "updated_by"];

/// What the caller of a case may not see.
pub(super) struct Watch<'w> {
    pub(super) sample: &'w Sample,
    /// The resources whose records are about those of the sample, and go where they go.
    pub(super) about: Vec<&'w Sample>,
    pub(super) case: &'w Case,
    /// The request is about a record of the resource itself, by an operation that every resource has.
    pub(super) own: bool,
}

/// What records stand in.
const AROUND: [&str; 6] = ["data", "record", "problem", "current", "before", "after"];

type Looked = Result<(), String>;

impl Watch<'_> {
    /// What is wrong with an answer.
    pub(super) fn look(&self, answer: &Answer, shot: &Shot, target: Option<&Value>) -> Looked {
        let text = answer.text();
        ensure(!answer.status.is_server_error(), || "a fault of the server".to_owned())?;
        for mark in self.unseen() {
            ensure(!text.contains(&mark), || format!("shows {mark}"))?;
        }
        match self.case {
            Case::NoRead if self.own => self.look_blind(answer, shot),
            Case::Own | Case::Team if self.own => look_from_afar(answer, shot, target),
            Case::Hidden(fields) if self.own => {
                ensure(!holds(&answer.body, fields), || format!("shows one of {fields:?}"))?;
                let refused = answer.status == StatusCode::UNPROCESSABLE_ENTITY;
                ensure(!shot.names_hidden || refused, || "a hidden field is known".to_owned())
            }
            Case::Suspended | Case::Removed => {
                ensure(!answer.status.is_success(), || "whose session has ended is answered".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What the texts begin with that the caller sees nowhere.
    fn unseen(&self) -> Vec<String> {
        let marks = |sample: &Sample| {
            let told = sample.named_by.filter(|_| !self.own);
            let marked = sample.marked().filter(|field| told != Some(field.as_str()));
            marked.map(|field| sample.mark(&field)).collect::<Vec<_>>()
        };
        match self.case {
            Case::Hidden(fields) => {
                let hidden = self.sample.marked().filter(|field| fields.contains(field));
                hidden.map(|field| self.sample.mark(&field)).collect()
            }
            _ => [self.sample].into_iter().chain(self.about.iter().copied()).flat_map(marks).collect(),
        }
    }

    fn look_blind(&self, answer: &Answer, shot: &Shot) -> Looked {
        if let Some(status) = shot.blind {
            ensure(answer.status == status, || format!("not {status}"))?;
        }
        let mut fields = self.sample.fields();
        fields.extend(KEPT.map(ToOwned::to_owned));
        ensure(!holds(&answer.body, &fields), || "shows more than id and version".to_owned())?;
        if answer.status == StatusCode::PRECONDITION_FAILED {
            let current = answer.body["current"].as_object().ok_or("has no current")?;
            ensure(current.keys().eq(&ALWAYS), || "shows more than id and version".to_owned())?;
        }
        Ok(())
    }
}

/// Whether one of these is a member of a record in it. What a problem or an item of a batch says of itself is no field of a
/// record, and what stands inside of a field has names of its own.
fn holds(value: &Value, fields: &[String]) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, fields)),
        Value::Object(members) => {
            let of = members.get("type").and_then(Value::as_str);
            let problem = of.is_some_and(|of| of.starts_with("/problems/"));
            let item = members.get("status").is_some_and(Value::is_number);
            members.iter().any(|(name, value)| {
                let own = fields.contains(name) && !problem && !(item && name == "status");
                own || (AROUND.contains(&name.as_str()) && holds(value, fields))
            })
        }
        _ => false,
    }
}

/// A record that is out of reach is as one that is not there.
fn look_from_afar(answer: &Answer, shot: &Shot, target: Option<&Value>) -> Looked {
    let by_id = shot.seen.is_some() || shot.on != Target::Base;
    if target.is_none() || !by_id {
        return Ok(());
    }
    if answer.status == StatusCode::MULTI_STATUS {
        return ensure(answer.body["data"][0]["status"] == json!(404), || "the item is not 404".to_owned());
    }
    let told = [StatusCode::PRECONDITION_FAILED, StatusCode::CONFLICT].contains(&answer.status);
    ensure(!answer.status.is_success() && !told, || "tells of a record out of reach".to_owned())?;
    ensure(shot.seen.is_none() || answer.status == StatusCode::NOT_FOUND, || "is not 404".to_owned())
}

fn ensure(good: bool, fault: impl FnOnce() -> String) -> Looked {
    if good { Ok(()) } else { Err(fault()) }
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
