//! Timeline of a record: its notes, activities and changes in one list.

use db::{FromRow, HiddenFields, RestrictedStatement, TenantQuery};
use resource::{Caller, PageInfo, PageParams, Pager, RecordId, Resource as _};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use web::ResourceName as _;
use web::{Json, Path, Query, Read, Result};

use crate::{activities::Activity, notes::Note};

/// A page of a record's timeline, newest first by time of creation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    data: Vec<TimelineItem>,
    page: PageInfo,
}

/// An entry of the timeline.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct TimelineItem {
    /// Kind of entry: `note`, `activity` or `change`.
    #[schema(example = "note")]
    kind: String,
    /// Id of the note or activity; for a change, id of its audit entry.
    id: Uuid,
    /// Time when the entry was created (UTC).
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// User who created the entry.
    created_by: Uuid,
    /// The note or activity as it is now; for a change its `action`, `version`, and the fields `before` and `after`.
    #[schema(value_type = Object)]
    data: Value,
}

/// `{0}` and `{1}` are the caller's scopes for notes and activities. Each part reads one page from its index.
const TIMELINE: RestrictedStatement<TenantQuery, 2> = RestrictedStatement::reading(
    "select kind, id, created_at, created_by, data from (
         (select 'note' as kind, n.id, n.created_at, n.created_by,
                 jsonb_build_object('version', n.version, 'body', n.body) as data
          from app.notes n
          where n.account_id = $1 and n.subject_type = $2 and n.subject_id = $3 and n.deleted_at is null
            and ($4::uuid is null or n.id < $4){0}
          order by n.id desc limit $5)
         union all
         (select 'activity', a.id, a.created_at, a.created_by,
                 jsonb_build_object('version', a.version, 'kind', a.kind, 'at', a.at, 'duration_minutes', a.duration_minutes,
                                    'summary', a.summary, 'outcome', a.outcome)
          from app.activities a
          where a.account_id = $1 and a.subject_type = $2 and a.subject_id = $3 and a.deleted_at is null
            and ($4::uuid is null or a.id < $4){1}
          order by a.id desc limit $5)
         union all
         (select 'change', h.id, h.created_at, h.created_by,
                 jsonb_build_object('version', h.version, 'action', h.action, 'before', h.before, 'after', h.after)
          from app.audit_log h
          where h.account_id = $1 and h.resource = $2 and h.record_id = $3 and ($4::uuid is null or h.id < $4)
          order by h.id desc limit $5)
     ) as step order by id desc limit $5",
);

/// Returns the part of a record's timeline that the caller can see.
pub(crate) async fn timeline(
    caller: Caller<Read>,
    Path(id): Path<RecordId>,
    Query(params): Query<PageParams>,
) -> Result<Json<Timeline>> {
    let permissions = caller.who().permissions();
    let mut tx = caller.begin_read_only().await?;
    let resource = caller.resource();
    resource.find(&mut tx, id.into()).await?;
    let within = [tx.readable(&Note::ACCESS, "n"), tx.readable(&Activity::ACCESS, "a")];
    let [notes, activities] = &within;
    let list = [resource.schema().table(), "timeline", &id.to_string(), notes.as_str(), activities.as_str()];
    let pager = Pager::new(&tx, &list, &params)?;
    let statement = tx.read_restricted(TIMELINE, &within).bind(resource.schema().name()).bind(id);
    let mut data: Vec<TimelineItem> = statement.bind(pager.after()).bind(pager.fetch()).all().await?;
    let page = pager.page(&mut data, |step| step.id);
    let (note, activity) =
        (HiddenFields::named(Note::NAME, permissions), HiddenFields::named(Activity::NAME, permissions));
    for step in &mut data {
        match step.kind.as_str() {
            "note" => note.mask(&mut step.data),
            "activity" => activity.mask(&mut step.data),
            _ => mask_change(&mut step.data, &caller.hidden_fields()),
        }
    }
    Ok(Json(Timeline { data, page }))
}

fn mask_change(change: &mut Value, hidden: &HiddenFields) {
    for side in ["before", "after"] {
        if let Some(fields) = change.get_mut(side) {
            hidden.mask(fields);
        }
    }
}
