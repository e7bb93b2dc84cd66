use db::{Change, Refusal, ScopedWrite, Sort, TenantTx};
use identity::{ApiKey as Key, NewApiKey, Permissions, Principal};
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;
use web::{Created, Json, May, Result, Write};

use super::{ApiKey, list::find};
use crate::{
    members,
    rights::{self, Grantor, Rights, RightsChange},
    roles::permissions,
    sessions::fresh,
};

/// Days.
const USUAL_LIFE: i32 = 90;

/// A key that is to be made.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// What it is for.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Nightly import")]
    name: String,
    /// What it may do, where its member may: nothing that you may not yourself.
    #[serde(deserialize_with = "web::each_once")]
    #[validate(length(min = 1, max = 100), custom(function = "permissions"))]
    #[schema(example = json!(["client:read", "client:write@own"]))]
    permissions: Vec<String>,
    /// 1 to 365; 90 if not said.
    #[validate(range(min = 1, max = 365))]
    #[schema(example = 90)]
    expires_in_days: Option<i32>,
    /// For whom it acts: you if not said, or an active service account.
    #[schema(value_type = Option<uuid::Uuid>)]
    member_id: Option<UserId>,
}

/// A key, and this once its text. No `Debug`: it would end in a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    #[serde(flatten)]
    made: ApiKey,
    /// Goes into `Authorization: Bearer …`. It is not kept, and never shown again.
    #[schema(example = "nxk_0192…_0193…_6b1f…")]
    key: String,
}

/// Why a key cannot be made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum KeyRefusal {
    /// Nobody acts in the name of another person.
    #[error("must be you, or an active service account of this account")]
    MemberUnfit,
}

impl Refusal for KeyRefusal {
    fn code(&self) -> &'static str {
        "invalid-key-member"
    }

    fn sort(&self) -> Sort {
        Sort::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/member_id")
    }
}

/// No seed: no refresh token leads to it. And nobody shows who they are by a key, not even in its first minutes.
const OPEN: ScopedWrite = ScopedWrite::new(
    "insert into app.sessions (account_id, id, user_id, kind, seed, authenticated_at, expires_at)
     values ($1, $2, $3, 'api_key', '', 'epoch', now() + make_interval(days => $4))",
);
const KEEP: ScopedWrite = ScopedWrite::new(
    "insert into app.api_keys (account_id, id, name, secret_hash, permissions, created_by, granted_by) values ($1, $2, $3, $4, $5, $6, $7)",
);

/// Make an API key.
///
/// The answer shows its text, which is not kept: there is no second time. Nobody makes a key that reaches beyond their own
/// rights. Needs a fresh session: see `POST /api/v1/auth/step-up`. An `Idempotency-Key` is not heeded, since the answer would have to be kept.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys")]
pub(crate) async fn create_api_key(
    may: May<Write, ApiKey>,
    Json(new): Json<NewKey>,
) -> Result<Created<MadeKey>> {
    let who = may.who();
    let mut tx = may.begin().await?;
    if !who.is_key() {
        fresh(&mut tx, who).await?; // a key outlives by far the token that somebody may have found
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
    tx.write_unnoted::<()>(OPEN).bind(id).bind(member).bind(days).run().await?;
    let created = Change::new("auth.api_key.created", "api_key", id.into(), "created").with(json!({
        "name": new.name, "member": member, "permissions": new.permissions, "expires_in_days": days
    }));
    let statement = tx.write_noted::<()>(KEEP, created).bind(id).bind(new.name).bind(&hash[..]);
    statement.bind(new.permissions).bind(who.user()).bind(grantor).run().await?;
    let made = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/api-keys/{id}"), MadeKey { made, key: text }))
}

/// What the key would let its author do. One of their own shows no field that they do not see; that of a service account
/// might, so it is as if it did.
async fn asked(
    tx: &mut TenantTx,
    who: &Principal,
    author: &Grantor,
    member: UserId,
    new: &NewKey,
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
