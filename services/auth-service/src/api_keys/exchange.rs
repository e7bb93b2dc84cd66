//! Exchanges an API key for an access token. Every invalid key gets the same answer.

use std::net::IpAddr;

use axum::extract::{FromRequest, Request, State};
use db::{Change, FromRow, Reason, TenantCommand, TenantQuery, TenantTx};
use identity::{ApiKey, Grant, Permissions};
use kernel::{AccountId, SessionId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Bearer, ClientAddress, Error, Json, RequestId, Result};

use crate::{App, AuthRefusal, rights, sessions::refresh::STILL_HERE};

/// An API key to exchange for an access token.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// Text of the key. Alternatively send `Authorization: Bearer …` without a body.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    api_key: SecretString,
}

/// Access token of an API key. No `Debug`, so that it cannot be logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyToken {
    /// Access token for `Authorization: Bearer …`. There is no refresh token: exchange the key again.
    access_token: String,
    /// Token type: always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(example = 600)]
    expires_in: u64,
    /// Member that the key acts for.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Account that the key belongs to.
    #[schema(value_type = Uuid)]
    account_id: AccountId,
}

#[derive(FromRow)]
struct ApiKeyRow {
    user_id: UserId,
    granted_by: UserId,
    secret_hash: Vec<u8>,
    permissions: Vec<String>,
    epoch: i32,
    stands: bool,
    seconds_left: i64,
    just_used: bool,
    last_used_ip: Option<String>,
}

const FIND: TenantQuery = TenantQuery::new(
    "select s.user_id, coalesce(k.granted_by, k.created_by) as granted_by, k.secret_hash, k.permissions, s.epoch, s.revoked_at is null and s.expires_at > now() as stands,
            floor(extract(epoch from s.expires_at - now()))::int8 as seconds_left,
            coalesce(k.last_used_at > now() - interval '1 minute', false) as just_used, k.last_used_ip
     from app.api_keys k join app.sessions s on s.account_id = k.account_id and s.id = k.id
     where k.account_id = $1 and k.id = $2",
);
/// Concurrent uses of a key queue on the row lock; the later ones then match no row.
const USED: TenantCommand = TenantCommand::new(
    "update app.api_keys set last_used_at = now(), last_used_ip = coalesce($3, last_used_ip)
     where account_id = $1 and id = $2 and (last_used_at is null or last_used_at <= now() - interval '1 minute'
                                            or last_used_ip is distinct from coalesce($3, last_used_ip))",
);

/// Exchange an API key for an access token.
///
/// The token grants what both the key and its member may at present. Administrative permissions are also limited by the
/// rights of the key's grantor. There is no refresh token. The gateway accepts keys directly. This operation is for
/// programs that call the services without it, or that send many requests within ten minutes.
#[utoipa::path(post, path = "/api/v1/auth/token", tag = "auth", security(()), request_body = Exchange)]
pub(crate) async fn exchange_api_key(
    State(app): State<App>,
    request: RequestId,
    ClientAddress(client): ClientAddress,
    PresentedKey(text): PresentedKey,
) -> Result<Json<ApiKeyToken>> {
    let key = ApiKey::read(text.expose_secret()).ok_or(AuthRefusal::ApiKeyInvalid)?;
    #[expect(clippy::disallowed_methods, reason = "the key names its account; its secret proves it")]
    let tx = app.db.begin_unscoped(Reason::SignIn).await?;
    let mut tx = tx.enter(key.account, Uuid::nil().into(), request.0);
    let kept = tx.read::<ApiKeyRow>(FIND).bind(key.id).optional().await?;
    let proven = key.matches(kept.as_ref().map(|kept| kept.secret_hash.as_slice()));
    let kept = kept.filter(|kept| proven && kept.stands).ok_or(AuthRefusal::ApiKeyInvalid)?;
    let grant = granted(&mut tx, &key, &kept).await?;
    note(&mut tx, key.id, &kept, client).await?;
    tx.commit().await?;

    let access = app.issuer.issue_for_key(grant).map_err(|error| Error::Internal(error.into()))?;
    Ok(Json(ApiKeyToken {
        access_token: access.text,
        token_type: "Bearer",
        expires_in: access.expires_in.as_secs().min(kept.seconds_left.try_into().unwrap_or_default()),
        user_id: kept.user_id,
        account_id: key.account,
    }))
}

/// Present permissions of the key; rejects it unless its member is active.
async fn granted(tx: &mut TenantTx, key: &ApiKey, kept: &ApiKeyRow) -> Result<Grant> {
    tx.impersonate(kept.user_id);
    if tx.look_up::<(bool,)>(STILL_HERE).optional().await? != Some((true,)) {
        return Err(AuthRefusal::ApiKeyInvalid.into());
    }
    let held = rights::of(tx, kept.user_id).await?.ok_or(AuthRefusal::ApiKeyInvalid)?;
    Ok(Grant {
        account: key.account,
        user: kept.user_id,
        session: key.id,
        epoch: kept.epoch,
        roles: Vec::new(),
        permissions: given(tx, kept, held.permissions.within(&Permissions::new(&kept.permissions))).await?,
    })
}

/// The key of a service account keeps its permissions on records when its grantor leaves. Its administrative
/// permissions are limited to what the grantor still has.
async fn given(tx: &mut TenantTx, kept: &ApiKeyRow, permissions: Permissions) -> Result<Permissions> {
    if kept.granted_by == kept.user_id {
        return Ok(permissions);
    }
    let grantor = rights::of(tx, kept.granted_by).await?.unwrap_or_default();
    Ok(permissions.limit_administration_to(&grantor.permissions))
}

/// Records the use at most once a minute, and whenever the client address changes.
async fn note(tx: &mut TenantTx, id: SessionId, kept: &ApiKeyRow, client: Option<IpAddr>) -> Result<()> {
    let now = client.map(|address| address.to_string());
    let moved = now.is_some() && kept.last_used_ip.is_some() && now != kept.last_used_ip;
    if moved {
        let noted = Change::new("auth.api_key.used_elsewhere", "api_key", id.into(), "used_elsewhere");
        let noted = noted.from(json!({ "ip": kept.last_used_ip })).with(json!({ "ip": now }));
        tx.execute_audited::<()>(USED, noted).bind(id).bind(now).run().await?;
    } else if !kept.just_used {
        tx.execute_untracked::<()>(USED).bind(id).bind(now).run().await?;
    }
    Ok(())
}

/// The API key of a request, from its header or body.
pub(crate) struct PresentedKey(SecretString);

impl<S: Send + Sync> FromRequest<S> for PresentedKey {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        match Bearer::from_headers(request.headers()) {
            Some(Bearer(text)) if ApiKey::has_prefix(text) => Ok(Self(text.into())),
            _ => Json::<Exchange>::from_request(request, state).await.map(|Json(shown)| Self(shown.api_key)),
        }
    }
}
