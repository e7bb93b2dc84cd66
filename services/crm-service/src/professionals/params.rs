//! Query parameters about the time of professionals.

use db::HiddenFields;
use serde::Deserialize;
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use utoipa::IntoParams;
use web::{Error, Result};

use super::TimeSlot;
use crate::validators;

/// Time range of a query for free slots.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimeRange {
    /// Start of the range (RFC 3339).
    #[param(example = "2026-03-02T00:00:00Z", format = DateTime, max_length = 40)]
    from: String,
    /// Exclusive end of the range (RFC 3339), at most 31 days after the start.
    #[param(example = "2026-03-09T00:00:00Z", format = DateTime, max_length = 40)]
    to: String,
}

/// Time range and required skills of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AvailabilityParams {
    /// Start of the range (RFC 3339).
    #[param(example = "2026-03-02T09:00:00Z", format = DateTime, max_length = 40)]
    pub(super) from: String,
    /// Exclusive end of the range (RFC 3339), at most 31 days after the start.
    #[param(example = "2026-03-02T10:00:00Z", format = DateTime, max_length = 40)]
    pub(super) to: String,
    /// Required skill; accents and case are ignored.
    #[param(max_length = 8192)]
    pub(super) skill: Option<String>,
    /// Minimum level of the skill, from 1 to 5; 1 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 5)]
    pub(super) min_level: Option<String>,
    /// Required specialty; accents and case are ignored.
    #[param(max_length = 8192)]
    pub(super) specialty: Option<String>,
    /// Page size: 1 to 200; 50 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<String>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 8192)]
    pub(super) cursor: Option<String>,
}

/// Maximum length of a queried range.
const MAX_RANGE: Duration = Duration::days(31);

impl TimeRange {
    pub(super) fn span(&self) -> Result<TimeSlot> {
        span(&self.from, &self.to)
    }
}

impl AvailabilityParams {
    pub(super) fn span(&self) -> Result<TimeSlot> {
        span(&self.from, &self.to)
    }

    pub(super) fn level(&self) -> Result<i32> {
        let level = self.min_level.as_deref().map_or(Ok(1), str::parse).ok();
        level
            .filter(|level| (1..=5).contains(level))
            .ok_or_else(|| Error::invalid("/min_level", "parameter", "must be a number from 1 to 5"))
    }

    /// Rejects filters on fields that are hidden from the caller.
    pub(super) fn spares(&self, hidden: &HiddenFields) -> Result<()> {
        for (pointer, value, field) in
            [("/skill", &self.skill, "skills"), ("/specialty", &self.specialty, "specialties")]
        {
            if value.is_some() && hidden.hide(field) {
                return Err(Error::invalid(
                    pointer,
                    "parameter",
                    format!("is of `{field}`, which you may not see"),
                ));
            }
        }
        if self.min_level.is_some() && self.skill.is_none() {
            return Err(Error::invalid("/min_level", "parameter", "is of a skill: say which"));
        }
        Ok(())
    }
}

fn span(from: &str, to: &str) -> Result<TimeSlot> {
    let asked = TimeSlot { from: instant("/from", from)?, to: instant("/to", to)? };
    if asked.from >= asked.to {
        return Err(Error::invalid("/to", "parameter", "must be after from"));
    }
    if asked.to - asked.from > MAX_RANGE {
        return Err(Error::invalid("/to", "parameter", "must be at most 31 days after from"));
    }
    Ok(asked)
}

fn instant(pointer: &str, text: &str) -> Result<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| at.checked_to_offset(UtcOffset::UTC));
    at.filter(|at| validators::supported_timestamp(at).is_ok()).ok_or_else(|| {
        Error::invalid(pointer, "parameter", "must be an instant such as 2026-03-01T09:30:00Z")
    })
}
