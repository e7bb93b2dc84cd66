use serde::Serialize;
use sqlx::FromRow;
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;

/// A part of time: from an instant until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, FromRow, ToSchema)]
pub(crate) struct Span {
    /// Its first instant.
    #[serde(with = "rfc3339")]
    pub(crate) from: OffsetDateTime,
    /// The first after it.
    #[serde(with = "rfc3339")]
    pub(crate) to: OffsetDateTime,
}

impl Span {
    /// What the two have in common.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from < both.to).then_some(both)
    }
}

/// The same time in as few spans as there can be, in order.
pub(super) fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => joined.push(span),
        }
    }
    joined
}

/// What is left of `open`, which is joined, where `busy` is taken.
pub(super) fn without(open: Vec<Span>, busy: Vec<Span>) -> Vec<Span> {
    let busy = joined(busy);
    let mut left = Vec::with_capacity(open.len());
    for mut span in open {
        for taken in &busy {
            if span.and(*taken).is_none() {
                continue;
            }
            if span.from < taken.from {
                left.push(Span { from: span.from, to: taken.from });
            }
            span.from = taken.to.min(span.to);
        }
        if span.from < span.to {
            left.push(span);
        }
    }
    left
}
