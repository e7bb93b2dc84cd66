//! Free slots of a professional.

use db::TenantQuery;
use kernel::Id;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Authorized, Json, Path, Query, Read, Result};

use super::{
    Calendar, Professional, ProfessionalStatus, TimeSlot, availability::sees_time, params::TimeRange, span,
};

/// Times when a professional works and is not booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FreeSlots {
    /// Free intervals in ascending order; adjacent ones are merged.
    data: Vec<TimeSlot>,
    /// Time zone of the working hours (IANA name).
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// `$3` is the start and `$4` the exclusive end of the range. No booking is longer than 24 hours, so older ones are
/// skipped.
const TAKEN: TenantQuery = TenantQuery::new(
    "select starts_at as \"from\", ends_at as \"to\" from app.bookings
     where account_id = $1 and professional_id = $2 and status <> 'cancelled' and deleted_at is null
       and starts_at < $4 and starts_at > $3 - interval '24 hours' and ends_at > $3",
);

/// List the free slots of a professional.
///
/// They reveal that the professional is booked, but not for whom or what: that requires reading bookings.
#[utoipa::path(get, path = "/api/v1/professionals/{id}/free-slots", params(Id<Professional>, TimeRange), tag = "professionals")]
pub(super) async fn list_free_slots(
    auth: Authorized<Read, Professional>,
    Path(id): Path<Id<Professional>>,
    Query(params): Query<TimeRange>,
) -> Result<Json<FreeSlots>> {
    sees_time(&auth.hidden_fields())?;
    let params = params.span()?;
    let mut tx = auth.begin_read_only().await?;
    let found = resource::find(&mut tx, id).await?.data;
    let taken = tx.read::<TimeSlot>(TAKEN).bind(id).bind(params.from).bind(params.to).all().await?;
    let calendar = Calendar::new(&found.time_zone, &found.weekly_hours, &found.exceptions);
    let open = match calendar {
        Some(calendar) if found.status == ProfessionalStatus::Active => calendar.open(params),
        _ => Vec::new(),
    };
    Ok(Json(FreeSlots { data: span::without(open, taken), time_zone: found.time_zone }))
}
