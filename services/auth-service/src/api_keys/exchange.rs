//! A key for an access token. Whatever is wrong with a key, the answer is the same.

use std::net::IpAddr;

use axum::extract::{FromRequest, Request, State};
use db::{Change, Reason, Scoped, ScopedWrite, TenantTx};
use identity::{ApiKey, Grant, Permissions};
use kernel::{AccountId, SessionId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Bearer, ClientAddress, Error, Json, RequestId, Result};

use crate::{App, AuthRefusal, rights, sessions::refresh::STILL_HERE};

/// A program that shows its key.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// The key's text; or send it as `Authorization: Bearer …`, and no body.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    api_key: SecretString,
}

/// What lets a program in. No `Debug`: it would end in a log.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyToken {
    /// Goes into `Authorization: Bearer …`. There is no refresh token: the key gets the next one.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// The token's life, in seconds.
    #[schema(example = 600)]
    expires_in: u64,
    /// The member for whom the key acts.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// The account it works in.
    #[schema(value_type = Uuid)]
    account_id: AccountId,
}

#[derive(FromRow)]
struct Kept {
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

const FIND: Scoped = Scoped::new(
    "select s.user_id, coalesce(k.granted_by, k.created_by) as granted_by, k.secret_hash, k.permissions, s.epoch, s.revoked_at is null and s.expires_at > now() as stands,
            floor(extract(epoch from s.expires_at - now()))::int8 as seconds_left,
            coalesce(k.last_used_at > now() - interval '1 minute', false) as just_used, k.last_used_ip
     from app.api_keys k join app.sessions s on s.account_id = k.account_id and s.id = k.id
     where k.account_id = $1 and k.id = $2",
);
/// Many at once come one after the other, and find that the first has done it.
const USED: ScopedWrite = ScopedWrite::new(
    "update app.api_keys set last_used_at = now(), last_used_ip = coalesce($3, last_used_ip)
     where account_id = $1 and id = $2 and (last_used_at is null or last_used_at <= now() - interval '1 minute'
                                            or last_used_ip is distinct from coalesce($3, last_used_ip))",
);

/// Get an access token for an API key.
///
/// It allows what both the key and its member may, as of now; and of what administers the account, what the person may who
/// has given it. There is no refresh token. The gateway takes keys
/// themselves; this is for programs that speak to the services, or do many things within ten minutes.
#[utoipa::path(post, path = "/api/v1/auth/token", tag = "auth", security(()), request_body = Exchange)]
pub(crate) async fn exchange_api_key(
    State(app): State<App>,
    request: RequestId,
    ClientAddress(client): ClientAddress,
    Shown(text): Shown,
) -> Result<Json<KeyToken>> {
    let key = ApiKey::read(text.expose_secret()).ok_or(AuthRefusal::ApiKeyInvalid)?;
    #[expect(clippy::disallowed_methods, reason = "the key names its account; its secret proves it")]
    let tx = app.db.system(Reason::SignIn).await?;
    let mut tx = tx.enter(key.account, Uuid::nil().into(), request.0).await?;
    let kept = tx.read::<Kept>(FIND).bind(key.id).optional().await?;
    let proven = key.matches(kept.as_ref().map(|kept| kept.secret_hash.as_slice()));
    let kept = kept.filter(|kept| proven && kept.stands).ok_or(AuthRefusal::ApiKeyInvalid)?;
    let grant = granted(&mut tx, &key, &kept).await?;
    note(&mut tx, key.id, &kept, client).await?;
    tx.commit().await?;

    let access = app.issuer.issue_for_key(grant).map_err(|error| Error::Internal(error.into()))?;
    Ok(Json(KeyToken {
        access_token: access.text,
        token_type: "Bearer",
        expires_in: access.expires_in.as_secs().min(kept.seconds_left.try_into().unwrap_or_default()),
        user_id: kept.user_id,
        account_id: key.account,
    }))
}

/// What the key may do now, if its member is let in at all.
async fn granted(tx: &mut TenantTx, key: &ApiKey, kept: &Kept) -> Result<Grant> {
    tx.act_for(kept.user_id).await?;
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

/// The key of a service account keeps its permissions on records when its grantor leaves; what it administers, its grantor
/// must still be able to.
async fn given(tx: &mut TenantTx, kept: &Kept, permissions: Permissions) -> Result<Permissions> {
    if kept.granted_by == kept.user_id {
        return Ok(permissions);
    }
    let grantor = rights::of(tx, kept.granted_by).await?.unwrap_or_default();
    Ok(permissions.limit_administration_to(&grantor.permissions))
}

/// Notes the use: once a minute, and whenever it comes from elsewhere.
async fn note(tx: &mut TenantTx, id: SessionId, kept: &Kept, client: Option<IpAddr>) -> Result<()> {
    let now = client.map(|address| address.to_string());
    let moved = now.is_some() && kept.last_used_ip.is_some() && now != kept.last_used_ip;
    if moved {
        let noted = Change::new("auth.api_key.used_elsewhere", "api_key", id.into(), "used_elsewhere");
        let noted = noted.from(json!({ "ip": kept.last_used_ip })).with(json!({ "ip": now }));
        tx.write_noted::<()>(USED, noted).bind(id).bind(now).run().await?;
    } else if !kept.just_used {
        tx.write_unnoted::<()>(USED).bind(id).bind(now).run().await?;
    }
    Ok(())
}

/// The key that a request shows.
pub(crate) struct Shown(SecretString);

impl<S: Send + Sync> FromRequest<S> for Shown {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        match Bearer::of(request.headers()) {
            Some(Bearer(text)) if ApiKey::is_meant(text) => Ok(Self(text.into())),
            _ => Json::<Exchange>::from_request(request, state).await.map(|Json(shown)| Self(shown.api_key)),
        }
    }
}
