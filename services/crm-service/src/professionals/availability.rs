//! When a professional works, apart from who they are.

use db::Hidden;
use kernel::Id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use web::{Action as _, Error, IfMatch, Json, Marked, May, Path, Read, Result, Write};

use super::{Exception, Professional, WeeklyHours};

/// When a professional works, by the clocks of their time zone.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Availability {
    /// Week by week; no two of these overlap.
    #[validate(length(max = 70))]
    weekly_hours: Vec<WeeklyHours>,
    /// The days on which it is otherwise; each day is in one of these at the most.
    #[serde(default)]
    #[validate(length(max = 366), nested)]
    exceptions: Vec<Exception>,
}

impl From<Professional> for Availability {
    fn from(Professional { weekly_hours, exceptions, .. }: Professional) -> Self {
        Self { weekly_hours, exceptions }
    }
}

/// Fails unless these people see when a professional works: from what is free it could be told.
pub(super) fn sees_hours(hidden: &Hidden) -> Result<()> {
    if ["time_zone", "weekly_hours", "exceptions"].into_iter().any(|field| hidden.hide(field)) {
        return Err(Error::Forbidden("professional:read with the hours and their time zone".into()));
    }
    Ok(())
}

/// Fails unless these people see when a professional works and whether they are active: what is free tells both.
pub(super) fn sees_time(hidden: &Hidden) -> Result<()> {
    if hidden.hide("status") {
        return Err(Error::Forbidden("professional:read with their status".into()));
    }
    sees_hours(hidden)
}

/// Tell when a professional works.
#[utoipa::path(get, path = "/api/v1/professionals/{id}/availability", params(Id<Professional>), tag = "professionals")]
pub(super) async fn availability(
    may: May<Read, Professional>,
    Path(id): Path<Id<Professional>>,
) -> Result<Marked<Availability>> {
    sees_hours(&may.hidden())?;
    let mut tx = may.begin_reading().await?;
    let record = db::find(&mut tx, id).await?;
    Ok(Marked(record.kept.version, record.data.into()))
}

/// Say when a professional works, in place of what was said before.
///
/// It is part of their record: the version is that of the record, and its history tells of the change. Bookings that
/// are there stay.
#[utoipa::path(put, path = "/api/v1/professionals/{id}/availability", params(Id<Professional>, IfMatch), tag = "professionals")]
pub(super) async fn set_availability(
    may: May<Write, Professional>,
    Path(id): Path<Id<Professional>>,
    seen: IfMatch,
    Json(Availability { weekly_hours, exceptions }): Json<Availability>,
) -> Result<Marked<Availability>> {
    may.also(Read::NAME)?; // the answer shows hours
    sees_hours(&may.hidden())?;
    let mut tx = may.begin().await?;
    let before = db::find(&mut tx, id).await?;
    seen.holds(&mut tx, &before).await?;
    let after = Professional { weekly_hours, exceptions, ..before.data.clone() };
    let record = db::change(&mut tx, &before, &after).await?;
    tx.commit().await?;
    Ok(Marked(record.kept.version, record.data.into()))
}
