//! The hours of a professional, as parts of time.
//!
//! Somebody is at work at an instant if their clock then shows a time that is within their hours. So the hour that a clock
//! skips in spring is nobody's, and the one that it shows twice in autumn is worked twice.

use jiff::tz::TimeZone;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

use super::{
    hours::{Exception, Hours, WeeklyHours},
    span::{Span, joined},
    zone,
};

/// When somebody works.
pub(crate) struct Calendar<'h> {
    zone: TimeZone,
    weekly: &'h [WeeklyHours],
    exceptions: &'h [Exception],
}

impl<'h> Calendar<'h> {
    /// These hours by the clocks of the zone that is called so; none, if there is no such zone any more.
    pub(crate) fn of(zone: &str, weekly: &'h [WeeklyHours], exceptions: &'h [Exception]) -> Option<Self> {
        Some(Self { zone: zone::zone(zone)?, weekly, exceptions })
    }

    /// Whether they work all of this time.
    pub(crate) fn covers(&self, asked: Span) -> bool {
        self.open(asked) == [asked]
    }

    /// When they work, of this time.
    pub(super) fn open(&self, asked: Span) -> Vec<Span> {
        let mut open = Vec::new();
        for (part, ahead) in zone::steady(&self.zone, asked) {
            let first = (part.from + ahead).date();
            let last = (part.to + ahead).date();
            for day in days(first, last) {
                let spans = self.hours_of(day).into_iter().map(|hours| span(day, hours, ahead));
                open.extend(spans.filter_map(|span| span.and(part)));
            }
        }
        joined(open)
    }

    fn hours_of(&self, day: Date) -> Vec<Hours> {
        if let Some(exception) = self.exceptions.iter().find(|exception| exception.is_on(day)) {
            return exception.hours.clone();
        }
        let weekday = day.weekday().into();
        self.weekly.iter().filter(|hours| hours.weekday == weekday).map(|hours| Hours::from(*hours)).collect()
    }
}

fn days(first: Date, last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.next_day()).take_while(move |day| *day <= last)
}

/// The hours of a day by a clock that is so far ahead of UTC.
fn span(day: Date, hours: Hours, ahead: Duration) -> Span {
    let midnight: OffsetDateTime = PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_utc() - ahead;
    Span {
        from: midnight + Duration::minutes(hours.from.minutes()),
        to: midnight + Duration::minutes(hours.to.minutes()),
    }
}

#[cfg(test)]
mod tests;
