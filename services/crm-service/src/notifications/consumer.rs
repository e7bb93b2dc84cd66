//! Event consumer that notifies members.

use std::collections::BTreeSet;

use async_trait::async_trait;
use db::{TenantCommand, TenantQuery, TenantTx};
use events::{Consumer, Event, Failure};
use kernel::{Id, UserId};
use resource::Resource;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use web::ResourceName as _;

use super::{NotificationKind, mentions::mentions, readers::may_read};
use crate::{bookings::Booking, notes::Note, professionals::Professional, tasks::Task};

/// Creates notifications from events.
#[derive(Debug)]
pub struct Notifier;

#[async_trait]
impl Consumer for Notifier {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn topics(&self) -> &'static [&'static str] {
        &[
            "crm.task.created",
            "crm.task.changed",
            "crm.note.created",
            "crm.note.changed",
            "crm.booking.created",
        ]
    }

    async fn handle(&self, tx: &mut TenantTx, event: &Event) -> Result<(), Failure> {
        match event.record() {
            Some(("task", id)) => assigned(tx, event, id.into()).await,
            Some(("note", id)) => mentioned(tx, event, id.into()).await,
            Some(("booking", id)) => booked(tx, event, id.into()).await,
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Assigned {
    assignee_id: Option<UserId>,
}

async fn assigned(tx: &mut TenantTx, event: &Event, task: Id<Task>) -> Result<(), Failure> {
    let Assigned { assignee_id: Some(person) } = Assigned::deserialize(&event.data)? else { return Ok(()) };
    let became = match before::<Task>(tx, event, task).await? {
        Before::Nothing => true,
        Before::Fields(fields) => fields.get("assignee_id").is_some(),
    };
    if became && person != event.actor && may_read(tx, task, person).await? {
        tell(tx, event, NotificationKind::TaskAssigned, person, (Task::NAME, task.into())).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Written {
    body: String,
}

async fn mentioned(tx: &mut TenantTx, event: &Event, note: Id<Note>) -> Result<(), Failure> {
    let people = mentions(&Written::deserialize(&event.data)?.body);
    if people.is_empty() {
        return Ok(());
    }
    let known = match before::<Note>(tx, event, note).await? {
        Before::Nothing => BTreeSet::new(),
        Before::Fields(fields) => match fields.get("body").and_then(Value::as_str) {
            Some(body) => mentions(body),
            None => return Ok(()), // the body has not changed
        },
    };
    for person in people.difference(&known) {
        let person = UserId::from(*person);
        if person != event.actor && may_read(tx, note, person).await? {
            tell(tx, event, NotificationKind::Mentioned, person, (Note::NAME, note.into())).await?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Booked {
    professional_id: Id<Professional>,
}

async fn booked(tx: &mut TenantTx, event: &Event, booking: Id<Booking>) -> Result<(), Failure> {
    let Booked { professional_id } = Booked::deserialize(&event.data)?;
    let professional = match resource::find(tx, professional_id).await {
        Ok(professional) => professional.data,
        Err(db::Error::NotFound(_)) => return Ok(()), // removed meanwhile: no owner to notify
        Err(error) => return Err(error.into()),
    };
    let Some(person) = professional.owner_id else { return Ok(()) };
    if person != event.actor && may_read(tx, booking, person).await? {
        tell(tx, event, NotificationKind::BookingMade, person, (Booking::NAME, booking.into())).await?;
    }
    Ok(())
}

/// State of a record before an event.
enum Before {
    /// The event created the record.
    Nothing,
    /// Previous values of the fields that the event changed.
    Fields(Value),
}

/// The audit entry and the event have the same transaction time, which prunes the partitions.
const BEFORE: TenantQuery = TenantQuery::new(
    "select before from app.audit_log
     where account_id = $1 and resource = $2 and record_id = $3 and version = $4 and created_at = $5::text::timestamptz
     and action = 'changed' order by id desc limit 1",
);

async fn before<R: Resource>(tx: &mut TenantTx, event: &Event, id: Id<R>) -> db::Result<Before> {
    if event.topic.ends_with(".created") {
        return Ok(Before::Nothing);
    }
    let step =
        tx.read::<(Option<Value>,)>(BEFORE).bind(R::NAME).bind(id).bind(event.version).bind(&event.time);
    let (fields,) = step.optional().await?.unwrap_or_default();
    Ok(Before::Fields(fields.unwrap_or_default()))
}

const TELL: TenantCommand = TenantCommand::new(
    "insert into app.notifications (account_id, id, recipient_id, kind, subject_type, subject_id, event_id, actor_id)
     select $1, $2, $3, $4, $5, $6, $7, $8
     where not exists (select from app.notification_preferences p
                       where p.account_id = $1 and p.user_id = $3 and p.kind = $4 and not p.in_app)
     on conflict (account_id, recipient_id, event_id, kind) do nothing",
);

async fn tell(
    tx: &mut TenantTx,
    event: &Event,
    kind: NotificationKind,
    person: UserId,
    (subject_type, subject): (&'static str, Uuid),
) -> db::Result<()> {
    let telling = tx.execute_untracked::<()>(TELL).bind(Uuid::now_v7()).bind(person).bind(kind);
    telling.bind(subject_type).bind(subject).bind(event.id).bind(event.actor).run().await?;
    Ok(())
}
