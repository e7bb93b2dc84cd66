use db::{Scoped, TenantTx};
use kernel::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Error, Marked, Result};

use super::{Kept, Member, profile};

/// Somebody who worked in the account, and has left it or was removed: what they own and have written still names them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormerMember {
    /// The person's.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    display_name: String,
    /// `person`, or `service` for a program.
    kind: String,
    status: FormerStatus,
}

/// That they are a member no more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FormerStatus {
    Removed,
}

/// A member; or of somebody who has left, their name alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum KnownMember {
    Present(Member),
    Former(FormerMember),
}

const FIND: Scoped = Scoped::new(
    "select m.user_id, m.status, m.version, m.created_at, m.last_used_at, '[]'::jsonb as roles
     from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status = 'removed'",
);

/// Somebody who has left.
pub(super) async fn find(tx: &mut TenantTx, id: UserId) -> Result<Marked<KnownMember>> {
    let kept: Kept = tx.read(FIND).bind(id).optional().await?.ok_or(Error::NotFound("member"))?;
    let profile = profile(tx, id).await?.ok_or(Error::NotFound("member"))?;
    let (display_name, kind) = (profile.display_name, profile.kind);
    let former = FormerMember { id, display_name, kind, status: FormerStatus::Removed };
    Ok(Marked(kept.version, KnownMember::Former(former)))
}
