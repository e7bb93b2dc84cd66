//! What is asked about the time of professionals.

use db::Hidden;
use serde::Deserialize;
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use utoipa::IntoParams;
use web::{Error, Result};

use super::Span;
use crate::form;

/// Of what time is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Time {
    /// Its first instant, as RFC 3339 writes it.
    #[param(example = "2026-03-02T00:00:00Z")]
    from: String,
    /// The first after it: at most 31 days later.
    #[param(example = "2026-03-09T00:00:00Z")]
    to: String,
}

/// Of whom and what time is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// The first instant, as RFC 3339 writes it.
    #[param(example = "2026-03-02T09:00:00Z")]
    pub(super) from: String,
    /// The first after it: at most 31 days later.
    #[param(example = "2026-03-02T10:00:00Z")]
    pub(super) to: String,
    /// What they must be able to do; accents and capitals do not count.
    pub(super) skill: Option<String>,
    /// How well, from 1 to 5; 1 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 5)]
    pub(super) min_level: Option<String>,
    /// What they must be asked for.
    pub(super) specialty: Option<String>,
    /// How many: 1 to 200, 50 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<String>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// Nobody asks for more at once.
const LONGEST: Duration = Duration::days(31);

impl Time {
    pub(super) fn span(&self) -> Result<Span> {
        span(&self.from, &self.to)
    }
}

impl Wish {
    pub(super) fn span(&self) -> Result<Span> {
        span(&self.from, &self.to)
    }

    pub(super) fn level(&self) -> Result<i32> {
        let level = self.min_level.as_deref().map_or(Ok(1), str::parse).ok();
        level
            .filter(|level| (1..=5).contains(level))
            .ok_or_else(|| Error::invalid("/min_level", "query", "is not a number from 1 to 5"))
    }

    /// Nobody asks by what they do not see.
    pub(super) fn spares(&self, hidden: &Hidden) -> Result<()> {
        for (pointer, value, field) in
            [("/skill", &self.skill, "skills"), ("/specialty", &self.specialty, "specialties")]
        {
            if value.is_some() && hidden.hide(field) {
                return Err(Error::invalid(
                    pointer,
                    "query",
                    format!("is of `{field}`, which you may not see"),
                ));
            }
        }
        if self.min_level.is_some() && self.skill.is_none() {
            return Err(Error::invalid("/min_level", "query", "is of a skill: say which"));
        }
        Ok(())
    }
}

fn span(from: &str, to: &str) -> Result<Span> {
    let asked = Span { from: instant("/from", from)?, to: instant("/to", to)? };
    if asked.from >= asked.to {
        return Err(Error::invalid("/to", "query", "must be after from"));
    }
    if asked.to - asked.from > LONGEST {
        return Err(Error::invalid("/to", "query", "must be at most 31 days after from"));
    }
    Ok(asked)
}

fn instant(pointer: &str, text: &str) -> Result<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| at.checked_to_offset(UtcOffset::UTC));
    at.filter(|at| form::moment(at).is_ok())
        .ok_or_else(|| Error::invalid(pointer, "query", "must be an instant such as 2026-03-01T09:30:00Z"))
}
