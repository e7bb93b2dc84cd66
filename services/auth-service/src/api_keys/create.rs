use db::{Change, Refusal, RefusalKind, TenantCommand, TenantTx};
use identity::{ApiKey as Key, NewApiKey, Permissions, Principal};
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;
use web::{Authorized, Created, Json, Result, Write};

use super::{ApiKey, list::find};
use crate::{
    members,
    rights::{self, Grantor, Rights, RightsChange},
    roles::permissions,
    sessions::require_recent_login,
};

/// Default lifetime in days.
const USUAL_LIFE: i32 = 90;

/// Request to create an API key.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApiKeyRequest {
    /// Purpose of the key, for the list of keys.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Nightly import", min_length = 1, max_length = 100)]
    name: String,
    /// Permissions of the key, limited by those of its member. They must not exceed the caller's own.
    #[serde(deserialize_with = "web::each_once")]
    #[validate(length(min = 1, max = 100), custom(function = "permissions"))]
    #[schema(schema_with = resource::permissions_schema::<1>)]
    permissions: Vec<String>,
    /// Lifetime in days, 1 to 365; 90 by default.
    #[validate(range(min = 1, max = 365))]
    #[schema(example = 90, minimum = 1, maximum = 365)]
    expires_in_days: Option<i32>,
    /// Member that the key acts for: the caller by default, or an active service account.
    #[schema(value_type = Option<uuid::Uuid>)]
    member_id: Option<UserId>,
}

/// A new API key with its text, which is shown only once. No `Debug`, so that it cannot be logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiKey {
    #[serde(flatten)]
    made: ApiKey,
    /// Secret for `Authorization: Bearer …`. It is not stored and never shown again.
    #[schema(example = "nxk_0192…_0193…_6b1f…")]
    key: String,
}

/// Reason why a key cannot be created for a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum KeyRefusal {
    /// The member is neither the caller nor an active service account: a key must not impersonate another person.
    #[error("must be you, or an active service account of this account")]
    MemberUnfit,
}

impl Refusal for KeyRefusal {
    fn code(&self) -> &'static str {
        "invalid-key-member"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/member_id")
    }
}

/// The empty seed makes refresh tokens impossible. `authenticated_at` is the epoch, so that a key never counts as a
/// recent login.
const OPEN: TenantCommand = TenantCommand::new(
    "insert into app.sessions (account_id, id, user_id, kind, seed, authenticated_at, expires_at)
     values ($1, $2, $3, 'api_key', '', 'epoch', now() + make_interval(days => $4))",
);
const KEEP: TenantCommand = TenantCommand::new(
    "insert into app.api_keys (account_id, id, name, secret_hash, permissions, created_by, granted_by) values ($1, $2, $3, $4, $5, $6, $7)",
);

/// Create an API key.
///
/// The response contains its text, which is not stored and cannot be shown again. A key must not exceed the caller's
/// own rights. Needs a recent login: see `POST /api/v1/auth/step-up`. `Idempotency-Key` is ignored, since a replay
/// would require storing the secret.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys")]
pub(crate) async fn create_api_key(
    auth: Authorized<Write, ApiKey>,
    Json(new): Json<CreateApiKeyRequest>,
) -> Result<Created<CreatedApiKey>> {
    let who = auth.who();
    let mut tx = auth.begin().await?;
    if !who.is_key() {
        require_recent_login(&mut tx, who).await?; // a key outlives a stolen token
    }
    let author = rights::lock(&mut tx, who).await?;
    let member = new.member_id.unwrap_or(who.user());
    let permissions = asked(&mut tx, who, &author, member, &new).await?;
    let after = Rights { roles: Vec::new(), permissions };
    let to = (member != who.user()).then_some(member);
    author.authorize(&mut tx, &[RightsChange { to, before: Rights::default(), after }]).await?;

    let grantor = rights::grantor_of(&mut tx, who).await?;
    let id = SessionId::new();
    let NewApiKey { text, hash } = Key::generate(who.account(), id);
    let days = new.expires_in_days.unwrap_or(USUAL_LIFE);
    tx.execute_untracked::<()>(OPEN).bind(id).bind(member).bind(days).run().await?;
    let created = Change::new("auth.api_key.created", "api_key", id.into(), "created").with(json!({
        "name": new.name, "member": member, "permissions": new.permissions, "expires_in_days": days
    }));
    let statement = tx.execute_audited::<()>(KEEP, created).bind(id).bind(new.name).bind(&hash[..]);
    statement.bind(new.permissions).bind(who.user()).bind(grantor).run().await?;
    let made = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/api-keys/{id}"), CreatedApiKey { made, key: text }))
}

/// Permissions that the key would grant. A key of the author's own hides the fields hidden from the author. A key of a
/// service account might show them, so it is treated as if it did.
async fn asked(
    tx: &mut TenantTx,
    who: &Principal,
    author: &Grantor,
    member: UserId,
    new: &CreateApiKeyRequest,
) -> Result<Permissions> {
    let permissions = Permissions::new(&new.permissions);
    if member == who.user() {
        return Ok(permissions.hiding(author.permissions().hidden().iter().cloned()));
    }
    if !members::is_active_service(tx, member).await? {
        return Err(KeyRefusal::MemberUnfit.into());
    }
    Ok(permissions)
}
