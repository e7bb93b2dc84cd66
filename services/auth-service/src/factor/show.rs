use axum::extract::State;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{AuthenticatedUser, Json, Result};

use super::store::confirmed;
use crate::App;

/// State of the caller's second factor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecondFactor {
    /// Whether a login requires a code.
    enabled: bool,
    /// Time when the second factor was confirmed (UTC).
    #[serde(with = "time::serde::rfc3339::option")]
    confirmed_at: Option<OffsetDateTime>,
    /// Number of unused recovery codes, of ten.
    recovery_codes_left: i32,
}

/// Get the state of the caller's second factor.
#[utoipa::path(get, path = "/api/v1/auth/second-factor", tag = "auth")]
pub(crate) async fn get_second_factor(
    State(app): State<App>,
    AuthenticatedUser(who): AuthenticatedUser,
) -> Result<Json<SecondFactor>> {
    let mut tx = app.db.begin_read_only(&who).await?;
    let kept = confirmed(&mut tx).await?;
    Ok(Json(SecondFactor {
        enabled: kept.is_some(),
        confirmed_at: kept.as_ref().and_then(|kept| kept.confirmed_at),
        recovery_codes_left: kept.map_or(0, |kept| kept.codes_left),
    }))
}
