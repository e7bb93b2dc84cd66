//! Time zones by their IANA names.

use jiff::{Timestamp, tz::TimeZone};
use time::{Duration, OffsetDateTime};
use validator::ValidationError;

use super::span::TimeSlot;

pub(super) use kernel::time_zone as zone;

pub(super) fn known(name: &str) -> Result<(), ValidationError> {
    let wanted =
        || ValidationError::new("time-zone").with_message("must be a time zone such as Europe/Berlin".into());
    zone(name).map(|_| ()).ok_or_else(wanted)
}

/// Splits `asked` at changes of the zone's UTC offset; returns each part with its offset.
pub(super) fn steady(zone: &TimeZone, asked: TimeSlot) -> Vec<(TimeSlot, Duration)> {
    let mut parts = Vec::new();
    let mut from = asked.from;
    while from < asked.to
        && let Ok(at) = Timestamp::from_nanosecond(from.unix_timestamp_nanos())
    {
        let jump = zone.following(at).next().map(|jump| jump.timestamp().as_nanosecond());
        let jump = jump.and_then(|jump| OffsetDateTime::from_unix_timestamp_nanos(jump).ok());
        let to = jump.map_or(asked.to, |jump| jump.min(asked.to));
        parts.push((TimeSlot { from, to }, Duration::seconds(zone.to_offset(at).seconds().into())));
        from = to;
    }
    parts
}
