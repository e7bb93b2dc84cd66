//! Bookings: reserved hours of professionals.

mod availability_check;
mod status;

use db::{FromRow, TenantTx};
use kernel::{Amount, CurrencyCode, Id};
use resource::{Field, Kind, Related, Resource};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use time::{Duration, OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;
use web::ResourceName;

use crate::{
    App,
    clients::Client,
    professionals::{Professional, RateUnit},
    projects::Project,
    refusal::{self, Rule},
    validators,
};
pub use status::BookingStatus;

/// Reserved hours of a professional.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Booking {
    /// The professional who is booked.
    #[schema(value_type = uuid::Uuid)]
    pub professional_id: Id<Professional>,
    /// Client that the booking is for.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub client_id: Option<Id<Client>>,
    /// Project that the booking is part of.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub project_id: Option<Id<Project>>,
    /// Short description of the booking.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Inspection", min_length = 1, max_length = 200)]
    pub title: String,
    /// Start of the booked time.
    #[serde(with = "rfc3339")]
    #[validate(custom(function = "validators::supported_timestamp"))]
    pub starts_at: OffsetDateTime,
    /// End of the booked time, exclusive: at most 24 hours after the start.
    #[serde(with = "rfc3339")]
    #[validate(custom(function = "validators::supported_timestamp"))]
    #[schema(example = "2026-06-01T10:30:00Z")]
    pub ends_at: OffsetDateTime,
    /// Status of the booking; `done` and `cancelled` are final.
    #[serde(default)]
    pub status: BookingStatus,
    /// Whether the booking may lie outside the professional's working hours.
    #[serde(default)]
    pub outside_hours: bool,
    /// Price per unit; needs a currency.
    pub rate: Option<Amount>,
    /// Unit that the rate is paid for.
    pub unit: Option<RateUnit>,
    /// Currency of the rate (ISO 4217).
    pub currency: Option<CurrencyCode>,
    /// Free-text notes on the booking.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
    pub notes: Option<String>,
}

/// Maximum duration; searches for overlapping bookings look back no further.
const MAX_DURATION: Duration = Duration::hours(24);
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

impl ResourceName for Booking {
    const NAME: &'static str = "booking";
}

impl Resource for Booking {
    const TABLE: &'static str = "bookings";
    const SEARCH_FIELDS: &'static [&'static str] = &["title", "notes"];
    const RELATIONS: &'static [Related] = &[
        Related::new::<Professional>("professional", "professional_id").judging(&[
            "starts_at",
            "ends_at",
            "status",
            "outside_hours",
        ]),
        Related::new::<Client>("client", "client_id"),
        Related::new::<Project>("project", "project_id"),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("professional_id", Kind::Id, |booking, row| row.bind(booking.professional_id)),
        Field::new("client_id", Kind::Id, |booking, row| row.bind(booking.client_id)),
        Field::new("project_id", Kind::Id, |booking, row| row.bind(booking.project_id)),
        Field::required("title", Kind::Text, |booking, row| row.bind(&booking.title)),
        Field::required("starts_at", Kind::Instant, |booking, row| row.bind(booking.starts_at)),
        Field::required("ends_at", Kind::Instant, |booking, row| row.bind(booking.ends_at)),
        Field::state("status", BookingStatus::VARIANTS, BookingStatus::TRANSITIONS, |booking, row| {
            row.bind(booking.status);
        }),
        Field::required("outside_hours", Kind::Boolean, |booking, row| row.bind(booking.outside_hours)),
        Field::new("rate", Kind::Amount, |booking, row| row.bind(booking.rate)),
        Field::new("unit", Kind::Choice(RateUnit::VARIANTS), |booking, row| row.bind(booking.unit)),
        Field::new("currency", Kind::Text, |booking, row| row.bind(&booking.currency)),
        Field::new("notes", Kind::Text, |booking, row| row.bind(&booking.notes)),
    ];
    type Refusal = Rule;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), Rule> {
        if let Some(before) = before.filter(|before| !before.status.leads_to(after.status)) {
            return Err(MOVE.but(before.status.next()));
        }
        if after.ends_at <= after.starts_at {
            return Err(BACKWARDS);
        }
        if after.ends_at - after.starts_at > MAX_DURATION {
            return Err(TOO_LONG);
        }
        refusal::money(&[(after.rate, NEGATIVE)], after.currency.as_ref(), NO_CURRENCY)
    }

    async fn validate_references(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        availability_check::is_within_working_hours(tx, all).await
    }

    async fn lock_for_write(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        availability_check::hold(tx, all).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Booking, App>()
}
