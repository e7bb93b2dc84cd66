//! Tags of a single record.

use db::{Change, TenantCommand, TenantQuery, TenantTx};
use kernel::Id;
use resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Authorized, IfMatch, Json, Path, Read, Result, WithETag, Write};

use super::{Tag, TagRefusal};

/// Tags of a record, as a complete list.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordTags {
    /// Ids of all tags of the record.
    #[validate(length(max = 100))]
    #[schema(max_items = 100)]
    tags: Vec<Uuid>,
}

const TAGS: TenantQuery = TenantQuery::new(
    "select t.id from app.record_tags r join app.tags t on t.account_id = r.account_id and t.id = r.tag_id
     where r.account_id = $1 and r.subject_type = $2 and r.subject_id = $3 and t.deleted_at is null order by t.id",
);
const SET: TenantCommand = TenantCommand::new(
    "with gone as (
         delete from app.record_tags where account_id = $1 and subject_type = $2 and subject_id = $3 and tag_id <> all ($4)
     )
     insert into app.record_tags (account_id, subject_type, subject_id, tag_id)
     select $1, $2, $3, t.id from app.tags t where t.account_id = $1 and t.id = any ($4) and t.deleted_at is null
     on conflict do nothing",
);

/// Reads the tags of a record. Their version is that of the record.
pub(crate) async fn tags_of<R: Resource>(
    auth: Authorized<Read, R>,
    Path(id): Path<Id<R>>,
) -> Result<WithETag<RecordTags>> {
    let mut tx = auth.begin_read_only().await?;
    let record = resource::find(&mut tx, id).await?;
    Ok(WithETag(record.meta.version, RecordTags { tags: tags(&mut tx, id).await? }))
}

/// Replaces the tags of a record, which gets a new version.
pub(crate) async fn set_tags_of<R: Resource>(
    auth: Authorized<Write, R>,
    Path(id): Path<Id<R>>,
    if_match: IfMatch,
    Json(RecordTags { tags: mut wanted }): Json<RecordTags>,
) -> Result<WithETag<RecordTags>> {
    wanted.sort_unstable();
    wanted.dedup();
    let mut tx = auth.begin().await?;
    let record = resource::find(&mut tx, id).await?;
    resource::ensure_unchanged(&mut tx, if_match, &record).await?;
    let before = tags(&mut tx, id).await?;
    if before == wanted {
        return Ok(WithETag(record.meta.version, RecordTags { tags: before }));
    }
    let new: Vec<Uuid> = wanted.iter().filter(|tag| !before.contains(tag)).copied().collect();
    if !new.is_empty() && !resource::all_exist(&mut tx, &Tag::ACCESS, new.into_iter()).await? {
        return Err(TagRefusal::Unknown.into());
    }
    let version = resource::bump_version(&mut tx, &record).await?.meta.version;
    let change =
        Change::new(&format!("{}.{}.tagged", R::EVENT_PREFIX, R::NAME), R::NAME, id.into(), "tagged")
            .from(json!({ "tags": before }))
            .with(json!({ "tags": wanted }))
            .at(version);
    tx.execute_audited::<()>(SET, change).bind(R::NAME).bind(id).bind(&wanted).run().await?;
    let after = tags(&mut tx, id).await?;
    if after != wanted {
        return Err(TagRefusal::Unknown.into());
    }
    tx.commit().await?;
    Ok(WithETag(version, RecordTags { tags: after }))
}

async fn tags<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> Result<Vec<Uuid>> {
    let tags: Vec<(Uuid,)> = tx.read(TAGS).bind(R::NAME).bind(id).all().await?;
    Ok(tags.into_iter().map(|(tag,)| tag).collect())
}
