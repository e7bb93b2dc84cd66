use http::StatusCode;
use serde_json::{Value, json};

use super::{
    RestrictedCaller, Sample,
    requests::{Target, TestRequest},
};
use crate::TestResponse;

/// Fields that remain visible without the permission to read.
const ALWAYS: [&str; 2] = ["id", "version"];
/// Metadata fields of every record, besides id and version.
const KEPT: [&str; 4] = ["created_at", "created_by", "updated_at", "updated_by"];

/// Checks what a restricted caller sees.
pub(super) struct Watch<'w> {
    pub(super) sample: &'w Sample,
    /// Resources whose records have those of the sample as subject, and share their fate.
    pub(super) about: Vec<&'w Sample>,
    pub(super) case: &'w RestrictedCaller,
    /// Whether the request concerns the resource itself, by a generic operation.
    pub(super) own: bool,
}

/// Members of responses that contain records.
const AROUND: [&str; 6] = ["data", "record", "problem", "current", "before", "after"];

type Looked = Result<(), String>;

impl Watch<'_> {
    /// Checks a response; `Err` describes what is wrong.
    pub(super) fn look(&self, answer: &TestResponse, shot: &TestRequest, target: Option<&Value>) -> Looked {
        let text = answer.text();
        ensure(!answer.status.is_server_error(), || "a fault of the server".to_owned())?;
        for mark in self.unseen() {
            ensure(!text.contains(&mark), || format!("shows {mark}"))?;
        }
        match self.case {
            RestrictedCaller::NoRead if self.own => self.look_blind(answer, shot),
            RestrictedCaller::Own | RestrictedCaller::Team if self.own => {
                look_from_afar(answer, shot, target)
            }
            RestrictedCaller::Hidden(fields) if self.own => {
                ensure(!holds(&answer.body, fields), || format!("shows one of {fields:?}"))?;
                let refused = answer.status == StatusCode::UNPROCESSABLE_ENTITY;
                ensure(!shot.names_hidden || refused, || "a hidden field is known".to_owned())
            }
            RestrictedCaller::Suspended | RestrictedCaller::Removed => {
                ensure(!answer.status.is_success(), || "whose session has ended is answered".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Marks that must not occur in the response.
    fn unseen(&self) -> Vec<String> {
        let marks = |sample: &Sample| {
            let told = sample.named_by.filter(|_| !self.own);
            let marked = sample.marked().filter(|field| told != Some(field.as_str()));
            marked.map(|field| sample.mark(&field)).collect::<Vec<_>>()
        };
        match self.case {
            RestrictedCaller::Hidden(fields) => {
                let hidden = self.sample.marked().filter(|field| fields.contains(field));
                hidden.map(|field| self.sample.mark(&field)).collect()
            }
            _ => [self.sample].into_iter().chain(self.about.iter().copied()).flat_map(marks).collect(),
        }
    }

    fn look_blind(&self, answer: &TestResponse, shot: &TestRequest) -> Looked {
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

/// Whether a record in the value has one of these fields. Members of a problem or of a bulk item are not fields of
/// a record, and neither is anything nested in a field.
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

/// Checks that a record out of scope looks absent.
fn look_from_afar(answer: &TestResponse, shot: &TestRequest, target: Option<&Value>) -> Looked {
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
