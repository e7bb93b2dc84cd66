use axum::extract::State;
use db::{FromRow, TenantQuery};
use kernel::SessionId;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{AuthenticatedUser, Json, Result};

use crate::App;

/// A login session of the caller.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct Session {
    /// Id of the session; end it with `DELETE /api/v1/auth/sessions/{id}`.
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// User agent of the client that logged in.
    user_agent: Option<String>,
    /// Client address of the login.
    ip: Option<String>,
    /// How the user authenticated: `password`, or the account's identity `provider`.
    via: String,
    /// Time of the login that opened the session (UTC).
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Time when the last token pair was issued (UTC).
    #[serde(with = "time::serde::rfc3339")]
    last_used_at: OffsetDateTime,
    /// Time when the session expires (UTC).
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    /// Whether it is the session of this request.
    current: bool,
}

/// All sessions of the caller in this account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    data: Vec<Session>,
}

const LIST: TenantQuery = TenantQuery::new(
    "select id, user_agent, ip, via, created_at, rotated_at as last_used_at, expires_at, id = $3 as current
     from app.sessions where account_id = $1 and user_id = $2 and kind = 'login' and revoked_at is null and expires_at > now()
     order by rotated_at desc, id limit 200",
);

/// List the caller's sessions in this account.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth")]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<Json<Sessions>> {
    let mut tx = app.db.begin_read_only(&who).await?;
    let data = tx.read::<Session>(LIST).bind(who.user()).bind(who.session()).all().await?;
    Ok(Json(Sessions { data }))
}
