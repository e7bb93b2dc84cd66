//! Professionals: people whom an account works with and books.

mod availability;
mod available;
mod calendar;
mod free;
mod hours;
mod params;
mod parts;
mod span;
mod zone;

use std::collections::HashSet;

use db::{FromRow, Json, TenantTx};
use kernel::{CurrencyCode, EmailAddress, Id, PhoneNumber, UserId, WebUrl};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::ResourceName;

use crate::{App, about, refusal::Rule, validators};
pub(crate) use availability::Availability;
pub(crate) use calendar::Calendar;
pub(crate) use free::FreeSlots;
pub use hours::{TimeOfDay, Weekday, WeeklyHours, WorkingHours, WorkingHoursException};
pub use parts::{Certification, OfferedService, ProfessionalStatus, RateUnit, Skill};
pub(crate) use span::TimeSlot;

/// A professional whom the account can book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Professional {
    /// Name of the professional.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Zoë García", min_length = 1, max_length = 200)]
    pub name: String,
    /// E-mail address of the professional.
    pub email: Option<EmailAddress>,
    /// Telephone number in dialable form.
    pub phone: Option<PhoneNumber>,
    /// Specialties of the professional, as free text.
    #[serde(default)]
    #[validate(custom(function = "validators::short_strings"))]
    #[schema(schema_with = validators::short_strings_schema)]
    pub specialties: Vec<String>,
    /// Skills of the professional, with levels.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 100), nested)]
    #[schema(max_items = 100)]
    pub skills: Vec<Skill>,
    /// Services on offer, with their rates.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 100), nested)]
    #[schema(max_items = 100)]
    pub services: Vec<OfferedService>,
    /// Certifications of the professional.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 100), nested)]
    #[schema(max_items = 100)]
    pub certifications: Vec<Certification>,
    /// Rating of the professional, from 0 to 5.
    #[validate(range(min = 0, max = 5))]
    #[schema(minimum = 0, maximum = 5)]
    pub rating: Option<i32>,
    /// URL of the professional's portfolio.
    pub portfolio_url: Option<WebUrl>,
    /// Currency of payment (ISO 4217).
    pub currency: Option<CurrencyCode>,
    /// Time zone of the working hours (IANA name).
    #[validate(custom(function = "zone::known"))]
    #[schema(example = "Europe/Berlin", max_length = 64)]
    pub time_zone: String,
    /// Regular weekly hours, which must not overlap.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 70))]
    #[schema(max_items = 70)]
    pub weekly_hours: Vec<WeeklyHours>,
    /// Days off or with other hours; each day is in at most one exception.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 366), nested)]
    #[schema(max_items = 366)]
    pub exceptions: Vec<WorkingHoursException>,
    /// Whether the professional can be booked.
    #[serde(default)]
    pub status: ProfessionalStatus,
    /// Member of the account who is responsible for the professional.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Free-text biography of the professional.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
    pub bio: Option<String>,
}

const RATE: Rule = Rule::invalid("professional-rate-negative", "/services", "a rate is not negative");
const SKILL: Rule = Rule::invalid("professional-skill-twice", "/skills", "a skill stands there once");
const PAPER: Rule = Rule::invalid(
    "professional-certification-backwards",
    "/certifications",
    "a certification does not expire before it is issued",
);
const BACKWARDS: Rule =
    Rule::invalid("professional-hours-backwards", "/weekly_hours", "hours end after they begin");
const OVERLAP: Rule =
    Rule::invalid("professional-hours-overlap", "/weekly_hours", "hours of a day do not overlap");
const DAYS_BACKWARDS: Rule = Rule::invalid(
    "professional-exception-backwards",
    "/exceptions",
    "an exception, and its hours, end after they begin",
);
const DAYS_OVERLAP: Rule = Rule::invalid(
    "professional-exceptions-overlap",
    "/exceptions",
    "a day is in one exception, and its hours do not overlap",
);
const RULES: &[(&str, Rule)] = &[(
    "fk_professionals_owner",
    Rule::invalid(
        "professional-owner-not-a-member",
        "/owner_id",
        "the owner is not a member of this account",
    ),
)];

impl ResourceName for Professional {
    const NAME: &'static str = "professional";
}

impl Resource for Professional {
    const TABLE: &'static str = "professionals";
    const OWNER: &'static str = "owner_id";
    const SEARCH_FIELDS: &'static [&'static str] = &["name", "email", "phone", "skills", "services", "bio"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |one, row| row.bind(&one.name)),
        Field::new("email", Kind::Text, |one, row| row.bind(&one.email)),
        Field::new("phone", Kind::Text, |one, row| row.bind(&one.phone)),
        Field::required("specialties", Kind::Texts, |one, row| row.bind(&one.specialties)),
        Field::required("skills", Kind::Json, |one, row| row.bind(Json(&one.skills))),
        Field::required("services", Kind::Json, |one, row| row.bind(Json(&one.services))),
        Field::required("certifications", Kind::Json, |one, row| row.bind(Json(&one.certifications))),
        Field::new("rating", Kind::Integer, |one, row| row.bind(one.rating)),
        Field::new("portfolio_url", Kind::Text, |one, row| row.bind(&one.portfolio_url)),
        Field::new("currency", Kind::Text, |one, row| row.bind(&one.currency)),
        Field::required("time_zone", Kind::Text, |one, row| row.bind(&one.time_zone)),
        Field::required("weekly_hours", Kind::Json, |one, row| row.bind(Json(&one.weekly_hours))),
        Field::required("exceptions", Kind::Json, |one, row| row.bind(Json(&one.exceptions))),
        Field::required("status", Kind::Choice(ProfessionalStatus::VARIANTS), |one, row| {
            row.bind(one.status);
        }),
        Field::member("owner_id", |one, row| row.bind(one.owner_id)),
        Field::new("bio", Kind::Text, |one, row| row.bind(&one.bio)),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        let mut names = HashSet::new();
        for (broken, rule) in [
            (after.services.iter().any(|one| one.rate.decimal().is_sign_negative()), RATE),
            (!after.skills.iter().all(|skill| names.insert(skill.name.to_lowercase())), SKILL),
            (after.certifications.iter().any(Certification::is_backwards), PAPER),
        ] {
            if broken {
                return Err(rule);
            }
        }
        after.check_hours()
    }

    fn set_default_owner(&mut self, person: UserId) {
        self.owner_id.get_or_insert(person);
    }

    async fn purge_dependents(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        about::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

impl Professional {
    fn check_hours(&self) -> Result<(), Rule> {
        let weekly = self.weekly_hours.iter();
        if hours::backwards(weekly.clone().map(|hours| WorkingHours::from(*hours))) {
            return Err(BACKWARDS);
        }
        if hours::overlap(weekly.map(|hours| (hours.weekday, hours.from, hours.to))) {
            return Err(OVERLAP);
        }
        let days = self.exceptions.iter();
        if days
            .clone()
            .any(|days| days.until() < days.first_day || hours::backwards(days.hours.iter().copied()))
        {
            return Err(DAYS_BACKWARDS);
        }
        // The last day is inclusive, so it is extended by one: consecutive exceptions must not share a day.
        let apart =
            days.clone().map(|days| ((), days.first_day, days.until().next_day().unwrap_or(days.until())));
        let within = |days: &WorkingHoursException| {
            hours::overlap(days.hours.iter().map(|hours| ((), hours.from, hours.to)))
        };
        if hours::overlap(apart) || days.clone().any(within) {
            return Err(DAYS_OVERLAP);
        }
        Ok(())
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Professional, App>()
        .routes(routes!(availability::get_availability, availability::set_availability))
        .routes(routes!(available::list_available_professionals))
        .routes(routes!(free::list_free_slots))
}
