use axum::extract::State;
use serde::Serialize;
use sqlx::types::time::OffsetDateTime;
use utoipa::ToSchema;
use web::{Json, Known, Result};

use super::kept::confirmed;
use crate::App;

/// Whether there is a second factor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Factor {
    /// Whether a login asks for one.
    enabled: bool,
    /// When it was confirmed.
    #[serde(with = "time::serde::rfc3339::option")]
    confirmed_at: Option<OffsetDateTime>,
    /// Of ten.
    recovery_codes_left: i32,
}

/// Tell whether I have a second factor.
#[utoipa::path(get, path = "/api/v1/auth/second-factor", tag = "auth")]
pub(crate) async fn factor(State(app): State<App>, Known(who): Known) -> Result<Json<Factor>> {
    let mut tx = app.db.begin_reading(&who).await?;
    let kept = confirmed(&mut tx).await?;
    Ok(Json(Factor {
        enabled: kept.is_some(),
        confirmed_at: kept.as_ref().and_then(|kept| kept.confirmed_at),
        recovery_codes_left: kept.map_or(0, |kept| kept.codes_left),
    }))
}
