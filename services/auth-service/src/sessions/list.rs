use axum::extract::State;
use db::Scoped;
use kernel::SessionId;
use serde::Serialize;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use web::{Json, Known, Result};

use crate::App;

/// Where somebody is logged in.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct Session {
    /// Ends it: `DELETE /api/v1/auth/sessions/{id}`.
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// What the client calls itself.
    user_agent: Option<String>,
    /// Whence the person logged in.
    ip: Option<String>,
    /// How: with a `password`, or at the account's identity `provider`.
    via: String,
    /// When the person logged in.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it last got a pair of tokens.
    #[serde(with = "time::serde::rfc3339")]
    last_used_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    /// Whether it is the one that asks.
    current: bool,
}

/// Every session of the person in this account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    data: Vec<Session>,
}

const LIST: Scoped = Scoped::new(
    "select id, user_agent, ip, via, created_at, rotated_at as last_used_at, expires_at, id = $3 as current
     from app.sessions where account_id = $1 and user_id = $2 and kind = 'login' and revoked_at is null and expires_at > now()
     order by rotated_at desc, id limit 200",
);

/// List where I am logged in.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth")]
pub(crate) async fn sessions(State(app): State<App>, Known(who): Known) -> Result<Json<Sessions>> {
    let mut tx = app.db.begin_reading(&who).await?;
    let data = tx.read::<Session>(LIST).bind(who.user()).bind(who.session()).all().await?;
    Ok(Json(Sessions { data }))
}
