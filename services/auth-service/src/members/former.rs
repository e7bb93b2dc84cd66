use db::{TenantQuery, TenantTx};
use kernel::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Error, Result, WithETag};

use super::{Member, MembershipRow, profile};

/// A person who left the account or was removed. Records that they own or wrote still refer to them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormerMember {
    /// Id of the user, as in the records that refer to them.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    display_name: String,
    /// `person`, or `service` for a service account.
    kind: String,
    status: FormerStatus,
}

/// Status of a former member: always `removed`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FormerStatus {
    Removed,
}

/// A member, or the name of a former member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum KnownMember {
    Present(Member),
    Former(FormerMember),
}

const FIND: TenantQuery = TenantQuery::new(
    "select m.user_id, m.status, m.version, m.created_at, m.last_used_at, '[]'::jsonb as roles
     from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status = 'removed'",
);

/// Finds a former member of the account.
pub(super) async fn find(tx: &mut TenantTx, id: UserId) -> Result<WithETag<KnownMember>> {
    let kept: MembershipRow = tx.read(FIND).bind(id).optional().await?.ok_or(Error::NotFound("member"))?;
    let profile = profile(tx, id).await?.ok_or(Error::NotFound("member"))?;
    let (display_name, kind) = (profile.display_name, profile.kind);
    let former = FormerMember { id, display_name, kind, status: FormerStatus::Removed };
    Ok(WithETag(kept.version, KnownMember::Former(former)))
}
