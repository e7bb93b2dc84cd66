//! Dates in the orders in which files write them.

use serde::{Deserialize, Serialize};
use time::{Date, Month};
use utoipa::ToSchema;

/// Order of day, month and year in dates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DateOrder {
    /// Year first, as in `2026-01-31`; the default.
    #[default]
    Ymd,
    /// Day first, as in `31.01.2026`.
    Dmy,
    /// Month first, as in `01/31/2026`.
    Mdy,
}

/// Parses a date, and returns the rest of the text: `1992-05-01 00:00:00.000`.
pub(in crate::imports) fn date(said: &str, order: DateOrder) -> Option<(Date, &str)> {
    let (day, rest) = said.split_once([' ', 'T']).unwrap_or((said, ""));
    let mut numbers = day.split(['-', '/', '.']);
    let (one, two, three) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let (year, month, day) = match order {
        DateOrder::Ymd => (one, two, three),
        DateOrder::Dmy => (three, two, one),
        DateOrder::Mdy => (three, one, two),
    };
    let good = numbers.next().is_none() && year.len() == 4 && month.len() <= 2 && day.len() <= 2;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let day = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    good.then_some((day, rest))
}
