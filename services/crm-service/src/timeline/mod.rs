//! What happened around a record, in one list: notes, activities, and changes of the record itself.

use db::{Hidden, PageInfo, Pager, Paging, Resource, Scoped, Within};
use kernel::Id;
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, May, Path, Query, Read, Result};

use crate::{activities::Activity, notes::Note};

/// Part of what happened around a record, newest first: in the order in which it was written down.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    data: Vec<Step>,
    page: PageInfo,
}

/// Something that happened.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Step {
    /// `note`, `activity` or `change`.
    #[schema(example = "note")]
    kind: String,
    /// Of the note or the activity; of a change, that of the step of history.
    id: Uuid,
    /// When it was written down.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// By whom.
    created_by: Uuid,
    /// The note or the activity as it is now; of a change `action`, `version`, and the fields `before` and `after`.
    #[schema(value_type = Object)]
    data: Value,
}

/// `{0}` and `{1}` say how far the caller reaches among notes and activities. Each part reads one page from its index.
const TIMELINE: Within<Scoped, 2> = Within::reading(
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

/// What happened around a record, as far as the caller sees it.
pub(crate) async fn timeline<R: Resource>(
    may: May<Read, R>,
    Path(id): Path<Id<R>>,
    Query(asked): Query<Paging>,
) -> Result<Json<Timeline>> {
    let permissions = may.who().permissions();
    let mut tx = may.begin_reading().await?;
    db::find(&mut tx, id).await?;
    let within = [tx.readable::<Note>("n"), tx.readable::<Activity>("a")];
    let [notes, activities] = &within;
    let list = [R::PLURAL, "timeline", &id.to_string(), notes.as_str(), activities.as_str()];
    let pager = Pager::new(&tx, &list, &asked)?;
    let statement = tx.read_within(TIMELINE, &within).bind(R::NAME).bind(id);
    let mut data: Vec<Step> = statement.bind(pager.after()).bind(pager.fetch()).all().await?;
    let page = pager.page(&mut data, |step| step.id);
    let (note, activity) = (Hidden::of::<Note>(permissions), Hidden::of::<Activity>(permissions));
    for step in &mut data {
        match step.kind.as_str() {
            "note" => note.mask(&mut step.data),
            "activity" => activity.mask(&mut step.data),
            _ => mask_change(&mut step.data, &may.hidden()),
        }
    }
    Ok(Json(Timeline { data, page }))
}

fn mask_change(change: &mut Value, hidden: &Hidden) {
    for side in ["before", "after"] {
        if let Some(fields) = change.get_mut(side) {
            hidden.mask(fields);
        }
    }
}
