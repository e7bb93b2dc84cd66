//! The tags of one record.

use db::{Change, Resource, Scoped, ScopedWrite, TenantTx};
use kernel::Id;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{IfMatch, Json, Marked, May, Path, Read, Result, Write};

use super::{Tag, TagRefusal};

/// The tags of a record.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// Their ids: all of them.
    #[validate(length(max = 100))]
    tags: Vec<Uuid>,
}

const TAGS: Scoped = Scoped::new(
    "select t.id from app.record_tags r join app.tags t on t.account_id = r.account_id and t.id = r.tag_id
     where r.account_id = $1 and r.subject_type = $2 and r.subject_id = $3 and t.deleted_at is null order by t.id",
);
const SET: ScopedWrite = ScopedWrite::new(
    "with gone as (
         delete from app.record_tags where account_id = $1 and subject_type = $2 and subject_id = $3 and tag_id <> all ($4)
     )
     insert into app.record_tags (account_id, subject_type, subject_id, tag_id)
     select $1, $2, $3, t.id from app.tags t where t.account_id = $1 and t.id = any ($4) and t.deleted_at is null
     on conflict do nothing",
);

/// The tags of a record; their version is that of the record.
pub(crate) async fn tags_of<R: Resource>(may: May<Read, R>, Path(id): Path<Id<R>>) -> Result<Marked<Tags>> {
    let mut tx = may.begin_reading().await?;
    let record = db::find(&mut tx, id).await?;
    Ok(Marked(record.kept.version, Tags { tags: tags(&mut tx, id).await? }))
}

/// Gives a record these tags, and no others. It is a change of the record, which gets its next version.
pub(crate) async fn set_tags_of<R: Resource>(
    may: May<Write, R>,
    Path(id): Path<Id<R>>,
    seen: IfMatch,
    Json(Tags { tags: mut wanted }): Json<Tags>,
) -> Result<Marked<Tags>> {
    wanted.sort_unstable();
    wanted.dedup();
    let mut tx = may.begin().await?;
    let record = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &record).await?;
    let before = tags(&mut tx, id).await?;
    if before == wanted {
        return Ok(Marked(record.kept.version, Tags { tags: before }));
    }
    let new: Vec<Id<Tag>> =
        wanted.iter().filter(|tag| !before.contains(tag)).map(|tag| (*tag).into()).collect();
    if !new.is_empty() && !db::all_found(&mut tx, &new).await? {
        return Err(TagRefusal::Unknown.into());
    }
    let version = db::touch(&mut tx, &record).await?.kept.version;
    let change = Change::new(&format!("{}.{}.tagged", R::AREA, R::NAME), R::NAME, id.into(), "tagged")
        .from(json!({ "tags": before }))
        .with(json!({ "tags": wanted }))
        .at(version);
    tx.write_noted::<()>(SET, change).bind(R::NAME).bind(id).bind(&wanted).run().await?;
    let after = tags(&mut tx, id).await?;
    if after != wanted {
        return Err(TagRefusal::Unknown.into());
    }
    tx.commit().await?;
    Ok(Marked(version, Tags { tags: after }))
}

async fn tags<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Vec<Uuid>> {
    let tags: Vec<(Uuid,)> = tx.read(TAGS).bind(R::NAME).bind(id).all().await?;
    Ok(tags.into_iter().map(|(tag,)| tag).collect())
}
