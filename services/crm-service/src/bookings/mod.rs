//! Bookings: the hours of professionals that are taken.

mod room;
mod status;

use db::{Field, Kind, Related, Resource, TenantTx};
use kernel::{Amount, Id};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::{Duration, OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;

use crate::{
    App,
    clients::Client,
    form,
    professionals::{Professional, Unit},
    projects::Project,
    rule::{self, Rule},
};
pub use status::BookingStatus;

/// Hours of a professional that are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Booking {
    /// Whose hours.
    #[schema(value_type = uuid::Uuid)]
    pub professional_id: Id<Professional>,
    /// For whom.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub client_id: Option<Id<Client>>,
    /// As part of what.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub project_id: Option<Id<Project>>,
    /// For what.
    #[validate(length(min = 1, max = 200))]
    pub title: String,
    /// From when on.
    #[serde(with = "rfc3339")]
    #[validate(custom(function = "form::moment"))]
    pub starts_at: OffsetDateTime,
    /// Until before when: at most 24 hours later.
    #[serde(with = "rfc3339")]
    #[validate(custom(function = "form::moment"))]
    pub ends_at: OffsetDateTime,
    /// What became of it. What is `done` or `cancelled` stays so.
    #[serde(default)]
    pub status: BookingStatus,
    /// Whether it may be when the professional does not work.
    #[serde(default)]
    pub outside_hours: bool,
    /// What a unit of it costs; needs a currency.
    pub rate: Option<Amount>,
    /// What the rate is paid for.
    pub unit: Option<Unit>,
    /// Of the rate, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Anything else.
    #[validate(length(min = 1, max = 10_000))]
    pub notes: Option<String>,
}

/// Whoever looks for what overlaps an hour looks no further back.
const LONGEST: Duration = Duration::hours(24);
const BACKWARDS: Rule =
    Rule::invalid("booking-ends-before-start", "/ends_at", "a booking ends after it starts");
const TOO_LONG: Rule = Rule::invalid("booking-too-long", "/ends_at", "a booking takes 24 hours at the most");
const MOVE: Rule = Rule::conflict(
    "booking-status-impossible",
    "/status",
    "a booking does not go from its status to this one",
);
const NEGATIVE: Rule = Rule::invalid("booking-rate-negative", "/rate", "a rate is not negative");
const NO_CURRENCY: Rule = Rule::invalid("booking-currency-missing", "/currency", "a rate needs a currency");
const NOBODY: Rule = Rule::invalid(
    "booking-professional-unknown",
    "/professional_id",
    "this account has no such professional",
);
const RULES: &[(&str, Rule)] = &[
    (
        "ck_bookings_apart",
        Rule::conflict("booking-overlaps", "/starts_at", "the professional is booked at that time"),
    ),
    ("fk_bookings_professional", NOBODY),
    (
        "fk_bookings_client",
        Rule::invalid("booking-client-unknown", "/client_id", "this account has no such client"),
    ),
    (
        "fk_bookings_project",
        Rule::invalid("booking-project-unknown", "/project_id", "this account has no such project"),
    ),
];

impl Resource for Booking {
    const NAME: &'static str = "booking";
    const PLURAL: &'static str = "bookings";
    const SEARCHED: &'static [&'static str] = &["title", "notes"];
    const RELATED: &'static [Related] = &[
        Related::to::<Professional>("professional", "professional_id").judging(&[
            "starts_at",
            "ends_at",
            "status",
            "outside_hours",
        ]),
        Related::to::<Client>("client", "client_id"),
        Related::to::<Project>("project", "project_id"),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("professional_id", Kind::Id, |booking, row| row.put(booking.professional_id)),
        Field::new("client_id", Kind::Id, |booking, row| row.put(booking.client_id)),
        Field::new("project_id", Kind::Id, |booking, row| row.put(booking.project_id)),
        Field::required("title", Kind::Text, |booking, row| row.put(&booking.title)),
        Field::required("starts_at", Kind::Instant, |booking, row| row.put(booking.starts_at)),
        Field::required("ends_at", Kind::Instant, |booking, row| row.put(booking.ends_at)),
        Field::required("status", Kind::Choice(BookingStatus::WORDS), |booking, row| row.put(booking.status)),
        Field::required("outside_hours", Kind::Boolean, |booking, row| row.put(booking.outside_hours)),
        Field::new("rate", Kind::Amount, |booking, row| row.put(booking.rate)),
        Field::new("unit", Kind::Choice(Unit::WORDS), |booking, row| row.put(booking.unit)),
        Field::new("currency", Kind::Text, |booking, row| row.put(&booking.currency)),
        Field::new("notes", Kind::Text, |booking, row| row.put(&booking.notes)),
    ];
    type Refusal = Rule;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), Rule> {
        if let Some(before) = before.filter(|before| !before.status.leads_to(after.status)) {
            return Err(MOVE.but(before.status.next()));
        }
        if after.ends_at <= after.starts_at {
            return Err(BACKWARDS);
        }
        if after.ends_at - after.starts_at > LONGEST {
            return Err(TOO_LONG);
        }
        rule::money(&[(after.rate, NEGATIVE)], after.currency.as_ref(), NO_CURRENCY)
    }

    async fn look_around(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        room::is_there(tx, all).await
    }

    async fn hold(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        room::hold(tx, all).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::of(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Booking, App>()
}
