//! Writes what lines say into records of any kind.

use std::collections::HashMap;

use db::{Changed, New, Resource, TenantTx};
use kernel::Id;
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{Error, Patch, Violation};

/// A line that is ready to be written.
#[derive(Debug)]
pub(super) struct Ready {
    /// The record that it is about; none: a new one.
    pub(super) record: Option<Uuid>,
    pub(super) patch: Map<String, Value>,
}

/// What became of a line.
pub(super) type Outcome = Result<Done, Vec<Violation>>;

/// What a line did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) record: Uuid,
    pub(super) action: Action,
    pub(super) version: i64,
    /// The record as it was, where the line has changed it.
    pub(super) before: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Created,
    Updated,
    Unchanged,
}

impl Action {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

enum Form<R> {
    New(New<R>),
    Changed(Changed<R>, Value),
    Same(Done),
}

/// Writes each line that can be written. A record stands in one of them: a second one would not have seen the first.
pub(super) async fn write<R: Resource>(tx: &mut TenantTx, ready: Vec<Ready>) -> db::Result<Vec<Outcome>> {
    let ids: Vec<Id<R>> = ready.iter().filter_map(|one| one.record.map(Into::into)).collect();
    let mut found = if ids.is_empty() { HashMap::new() } else { db::lock_all(tx, &ids).await? };
    let (mut new, mut changed, mut befores) = (Vec::new(), Vec::new(), Vec::new());
    let mut places = Vec::with_capacity(ready.len());
    for one in ready {
        places.push(match form(tx, one, &mut found) {
            Ok(Form::New(record)) => {
                new.push(record);
                Place::New
            }
            Ok(Form::Changed(record, before)) => {
                changed.push(record);
                befores.push(before);
                Place::Changed
            }
            Ok(Form::Same(done)) => Place::Told(Ok(done)),
            Err(error) => Place::Told(Err(own(error)?)),
        });
    }
    let mut new = db::write_each(tx, &new).await?.into_iter();
    let mut changed = db::write_each(tx, &changed).await?.into_iter().zip(befores);
    let told = places.into_iter().filter_map(|place| match place {
        Place::Told(outcome) => Some(Ok(outcome)),
        Place::New => Some(outcome(new.next()?, Action::Created, None)),
        Place::Changed => {
            let (written, before) = changed.next()?;
            Some(outcome(written, Action::Updated, Some(before)))
        }
    });
    told.collect()
}

enum Place {
    Told(Outcome),
    New,
    Changed,
}

/// What a line makes, or makes of a record.
fn form<R: Resource>(
    tx: &TenantTx,
    mut ready: Ready,
    found: &mut HashMap<Id<R>, db::Record<R>>,
) -> Result<Form<R>, Error> {
    let Some(id) = ready.record else {
        ready.patch.retain(|_, value| !value.is_null());
        let new: R = web::understood(Value::Object(ready.patch))?;
        return Ok(Form::New(New::of(tx, new)?));
    };
    let before = found.remove(&id.into()).ok_or(Error::NotFound(R::NAME))?;
    let patch = Patch::of(Value::Object(ready.patch)).ok_or(Error::NotFound(R::NAME))?;
    let after: R = patch.onto(&before.data)?;
    let (was, is) = (json(&before.data)?, json(&after)?);
    if was == is {
        let version = before.kept.version;
        return Ok(Form::Same(Done { record: id, action: Action::Unchanged, version, before: None }));
    }
    Ok(Form::Changed(Changed::of(before, after)?, was))
}

fn json<R: Resource>(record: &R) -> Result<Value, Error> {
    serde_json::to_value(record).map_err(|error| Error::Internal(error.into()))
}

fn outcome<R: Resource>(
    written: db::Result<db::Record<R>>,
    action: Action,
    before: Option<Value>,
) -> db::Result<Outcome> {
    match written {
        Ok(record) => {
            let (record, version) = (record.id.into(), record.kept.version);
            Ok(Ok(Done { record, action, version, before }))
        }
        Err(error) => own(error.into()).map(Err),
    }
}

/// What is wrong with the line, where it is the line.
fn own(error: Error) -> db::Result<Vec<Violation>> {
    match error.into_violations() {
        Ok(violations) => Ok(violations),
        // The database has refused these values, by a rule that no resource names: nobody outside reads its words.
        Err(Error::Internal(cause)) => {
            tracing::warn!(
                error = cause.as_ref() as &dyn std::error::Error,
                "a line of an import was refused"
            );
            Ok(vec![Violation::new("", "refused", "the database does not take these values")])
        }
        Err(Error::Unavailable(cause)) => Err(db::Error::Unavailable(cause)),
        Err(_) => Err(db::Error::Aborted),
    }
}
