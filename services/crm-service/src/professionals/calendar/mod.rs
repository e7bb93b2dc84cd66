//! Working hours of a professional as intervals of time.
//!
//! A professional works at an instant if their local time is then within their hours. The hour skipped in spring is
//! never worked, and the hour repeated in autumn is worked twice.

use jiff::tz::TimeZone;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

use super::{
    hours::{WeeklyHours, WorkingHours, WorkingHoursException},
    span::{TimeSlot, joined},
    zone,
};

/// Working hours and exceptions in a time zone.
pub(crate) struct Calendar<'h> {
    zone: TimeZone,
    weekly: &'h [WeeklyHours],
    exceptions: &'h [WorkingHoursException],
}

impl<'h> Calendar<'h> {
    /// Creates the calendar for a time zone; `None` if the zone no longer exists.
    pub(crate) fn new(
        zone: &str,
        weekly: &'h [WeeklyHours],
        exceptions: &'h [WorkingHoursException],
    ) -> Option<Self> {
        Some(Self { zone: zone::zone(zone)?, weekly, exceptions })
    }

    /// True if the professional works during the whole interval.
    pub(crate) fn covers(&self, asked: TimeSlot) -> bool {
        self.open(asked) == [asked]
    }

    /// The parts of the interval in which the professional works.
    pub(super) fn open(&self, asked: TimeSlot) -> Vec<TimeSlot> {
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

    fn hours_of(&self, day: Date) -> Vec<WorkingHours> {
        if let Some(exception) = self.exceptions.iter().find(|exception| exception.is_on(day)) {
            return exception.hours.clone();
        }
        let weekday = day.weekday().into();
        self.weekly
            .iter()
            .filter(|hours| hours.weekday == weekday)
            .map(|hours| WorkingHours::from(*hours))
            .collect()
    }
}

fn days(first: Date, last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.next_day()).take_while(move |day| *day <= last)
}

/// The interval of hours on a day, for a UTC offset of `ahead`.
fn span(day: Date, hours: WorkingHours, ahead: Duration) -> TimeSlot {
    let midnight: OffsetDateTime = PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_utc() - ahead;
    TimeSlot {
        from: midnight + Duration::minutes(hours.from.minutes()),
        to: midnight + Duration::minutes(hours.to.minutes()),
    }
}

#[cfg(test)]
mod tests;
