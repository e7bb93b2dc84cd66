//! Working hours of a professional as a resource of their own.

use db::HiddenFields;
use kernel::Id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{Action as _, Authorized, Error, IfMatch, Json, Path, Read, Result, WithETag, Write};

use super::{Professional, WeeklyHours, WorkingHoursException};

/// Working hours of a professional, in local time of their time zone.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Availability {
    /// Regular weekly hours, which must not overlap.
    #[validate(length(max = 70))]
    #[schema(max_items = 70)]
    weekly_hours: Vec<WeeklyHours>,
    /// Days with other hours; each day is in at most one exception.
    #[serde(default)]
    #[validate(length(max = 366), nested)]
    #[schema(max_items = 366)]
    exceptions: Vec<WorkingHoursException>,
}

impl From<Professional> for Availability {
    fn from(Professional { weekly_hours, exceptions, .. }: Professional) -> Self {
        Self { weekly_hours, exceptions }
    }
}

/// Refuses callers who cannot see a professional's hours, which free slots would reveal.
pub(super) fn sees_hours(hidden: &HiddenFields) -> Result<()> {
    if ["time_zone", "weekly_hours", "exceptions"].into_iter().any(|field| hidden.hide(field)) {
        return Err(Error::Forbidden("professional:read with the hours and their time zone".into()));
    }
    Ok(())
}

/// Refuses callers who cannot see a professional's hours and status: free slots would reveal both.
pub(super) fn sees_time(hidden: &HiddenFields) -> Result<()> {
    if hidden.hide("status") {
        return Err(Error::Forbidden("professional:read with their status".into()));
    }
    sees_hours(hidden)
}

/// Get the working hours of a professional.
#[utoipa::path(get, path = "/api/v1/professionals/{id}/availability", params(Id<Professional>), tag = "professionals")]
pub(super) async fn get_availability(
    auth: Authorized<Read, Professional>,
    Path(id): Path<Id<Professional>>,
) -> Result<WithETag<Availability>> {
    sees_hours(&auth.hidden_fields())?;
    let mut tx = auth.begin_read_only().await?;
    let record = resource::find(&mut tx, id).await?;
    Ok(WithETag(record.meta.version, record.data.into()))
}

/// Replace the working hours of a professional.
///
/// They are part of the professional's record, which gets a new version and an audit entry. Existing bookings stay.
#[utoipa::path(put, path = "/api/v1/professionals/{id}/availability", params(Id<Professional>, IfMatch), tag = "professionals")]
pub(super) async fn set_availability(
    auth: Authorized<Write, Professional>,
    Path(id): Path<Id<Professional>>,
    if_match: IfMatch,
    Json(Availability { weekly_hours, exceptions }): Json<Availability>,
) -> Result<WithETag<Availability>> {
    auth.also(Read::NAME)?; // the response contains the hours
    sees_hours(&auth.hidden_fields())?;
    let mut tx = auth.begin().await?;
    let before = resource::find(&mut tx, id).await?;
    resource::ensure_unchanged(&mut tx, if_match, &before).await?;
    let after = Professional { weekly_hours, exceptions, ..before.data.clone() };
    let record = resource::update(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(WithETag(record.meta.version, record.data.into()))
}
