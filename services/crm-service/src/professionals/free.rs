//! When a professional has time.

use db::Scoped;
use kernel::Id;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Json, May, Path, Query, Read, Result};

use super::{Calendar, Professional, ProfessionalStatus, Span, asked::Time, availability::sees_time, span};

/// When a professional works and is not booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Free {
    /// In order; none touches the next.
    data: Vec<Span>,
    /// Whose clocks their hours go by.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// `$3` is the first instant, `$4` the first after the last. No booking is longer than a day.
const TAKEN: Scoped = Scoped::new(
    "select starts_at as \"from\", ends_at as \"to\" from app.bookings
     where account_id = $1 and professional_id = $2 and status <> 'cancelled' and deleted_at is null
       and starts_at < $4 and starts_at > $3 - interval '24 hours' and ends_at > $3",
);

/// Tell when a professional has time.
///
/// That they are booked is told to whoever sees them; by whom and for what is told to whoever may read bookings.
#[utoipa::path(get, path = "/api/v1/professionals/{id}/free-slots", params(Id<Professional>, Time), tag = "professionals")]
pub(super) async fn free(
    may: May<Read, Professional>,
    Path(id): Path<Id<Professional>>,
    Query(asked): Query<Time>,
) -> Result<Json<Free>> {
    sees_time(&may.hidden())?;
    let asked = asked.span()?;
    let mut tx = may.begin_reading().await?;
    let found = db::find(&mut tx, id).await?.data;
    let taken = tx.read::<Span>(TAKEN).bind(id).bind(asked.from).bind(asked.to).all().await?;
    let calendar = Calendar::of(&found.time_zone, &found.weekly_hours, &found.exceptions);
    let open = match calendar {
        Some(calendar) if found.status == ProfessionalStatus::Active => calendar.open(asked),
        _ => Vec::new(),
    };
    Ok(Json(Free { data: span::without(open, taken), time_zone: found.time_zone }))
}
