use db::FromRow;
use serde::Serialize;
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;

/// An interval of time, with exclusive end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, FromRow, ToSchema)]
pub(crate) struct TimeSlot {
    /// Start of the interval (UTC).
    #[serde(with = "rfc3339")]
    pub(crate) from: OffsetDateTime,
    /// Exclusive end of the interval (UTC).
    #[serde(with = "rfc3339")]
    pub(crate) to: OffsetDateTime,
}

impl TimeSlot {
    /// Intersection of the two intervals, if any.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from < both.to).then_some(both)
    }
}

/// Merges overlapping and adjacent intervals, in ascending order.
pub(super) fn joined(mut spans: Vec<TimeSlot>) -> Vec<TimeSlot> {
    spans.sort_unstable();
    let mut joined: Vec<TimeSlot> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => joined.push(span),
        }
    }
    joined
}

/// Subtracts `busy` from `open`, which must already be merged.
pub(super) fn without(open: Vec<TimeSlot>, busy: Vec<TimeSlot>) -> Vec<TimeSlot> {
    let busy = joined(busy);
    let mut left = Vec::with_capacity(open.len());
    for mut span in open {
        for taken in &busy {
            if span.and(*taken).is_none() {
                continue;
            }
            if span.from < taken.from {
                left.push(TimeSlot { from: span.from, to: taken.from });
            }
            span.from = taken.to.min(span.to);
        }
        if span.from < span.to {
            left.push(span);
        }
    }
    left
}
