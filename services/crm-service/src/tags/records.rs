//! Tags of a single record.

use db::{Change, TenantCommand, TenantQuery, TenantTx};
use resource::{Caller, RecordId, Resource as _, ResourceHandle};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{IfMatch, Json, Path, Read, Result, WithETag, Write};

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
pub(crate) async fn tags_of(caller: Caller<Read>, Path(id): Path<RecordId>) -> Result<WithETag<RecordTags>> {
    let mut tx = caller.begin_read_only().await?;
    let record = caller.resource().find(&mut tx, id.into()).await?;
    let tags = tags(&mut tx, caller.resource(), id).await?;
    Ok(WithETag(record.version, RecordTags { tags }))
}

/// Replaces the tags of a record, which gets a new version.
pub(crate) async fn set_tags_of(
    caller: Caller<Write>,
    Path(id): Path<RecordId>,
    if_match: IfMatch,
    Json(RecordTags { tags: mut wanted }): Json<RecordTags>,
) -> Result<WithETag<RecordTags>> {
    wanted.sort_unstable();
    wanted.dedup();
    let (resource, schema) = (caller.resource(), caller.resource().schema());
    let mut tx = caller.begin().await?;
    let record = resource.find(&mut tx, id.into()).await?;
    resource.ensure_unchanged(&mut tx, if_match, &record).await?;
    let before = tags(&mut tx, resource, id).await?;
    if before == wanted {
        return Ok(WithETag(record.version, RecordTags { tags: before }));
    }
    let new: Vec<Uuid> = wanted.iter().filter(|tag| !before.contains(tag)).copied().collect();
    if !new.is_empty() && !resource::all_exist(&mut tx, &Tag::ACCESS, new.into_iter()).await? {
        return Err(TagRefusal::Unknown.into());
    }
    let version = resource.bump_version(&mut tx, &record).await?.version;
    let change = Change::new(&schema.topic("tagged"), schema.name(), id.into(), "tagged")
        .from(json!({ "tags": before }))
        .with(json!({ "tags": wanted }))
        .at(version);
    tx.execute_audited::<()>(SET, change).bind(schema.name()).bind(id).bind(&wanted).run().await?;
    let after = tags(&mut tx, resource, id).await?;
    if after != wanted {
        return Err(TagRefusal::Unknown.into());
    }
    tx.commit().await?;
    Ok(WithETag(version, RecordTags { tags: after }))
}

async fn tags(tx: &mut TenantTx, of: &ResourceHandle, id: RecordId) -> Result<Vec<Uuid>> {
    let tags: Vec<(Uuid,)> = tx.read(TAGS).bind(of.schema().name()).bind(id).all().await?;
    Ok(tags.into_iter().map(|(tag,)| tag).collect())
}
