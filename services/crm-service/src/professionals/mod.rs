//! Professionals: the people whom an account works with, and books.

mod asked;
mod availability;
mod available;
mod calendar;
mod free;
mod hours;
mod parts;
mod span;
mod zone;

use std::collections::HashSet;

use db::{Field, Kind, Resource, TenantTx};
use kernel::{Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, types::Json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;

use crate::{App, form, rule::Rule, subjects};
pub(crate) use availability::Availability;
pub(crate) use calendar::Calendar;
pub(crate) use free::Free;
pub use hours::{Exception, Hours, TimeOfDay, Weekday, WeeklyHours};
pub use parts::{Certification, ProfessionalStatus, Service, Skill, Unit};
pub(crate) use span::Span;

/// What an account keeps about somebody whom it books.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Professional {
    /// Who they are.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Zoë García")]
    pub name: String,
    /// Where they are written to.
    #[validate(email, length(max = 254))]
    pub email: Option<String>,
    /// As it is dialled.
    #[validate(length(min = 1, max = 50))]
    pub phone: Option<String>,
    /// What they are asked for.
    #[serde(default)]
    #[validate(custom(function = "form::words"))]
    pub specialties: Vec<String>,
    /// What they can do, and how well.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 100), nested)]
    pub skills: Vec<Skill>,
    /// What they do, and for how much.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 100), nested)]
    pub services: Vec<Service>,
    /// What they have papers for.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 100), nested)]
    pub certifications: Vec<Certification>,
    /// How good they are.
    #[validate(range(min = 0, max = 5))]
    pub rating: Option<i32>,
    /// Where their work is shown.
    #[validate(url, length(max = 500), custom(function = "web::web_address"))]
    pub portfolio_url: Option<String>,
    /// In which they are paid, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Whose clock their hours are by, as the IANA calls it.
    #[validate(custom(function = "zone::known"))]
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// When they work, week by week; no two of these overlap.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 70))]
    pub weekly_hours: Vec<WeeklyHours>,
    /// The days on which they do not, or at other hours; each day is in one of these at the most.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 366), nested)]
    pub exceptions: Vec<Exception>,
    /// Whether they can be booked.
    #[serde(default)]
    pub status: ProfessionalStatus,
    /// The member of the account who looks after them.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Anything else.
    #[validate(length(min = 1, max = 10_000))]
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

impl Resource for Professional {
    const NAME: &'static str = "professional";
    const PLURAL: &'static str = "professionals";
    const OWNER: &'static str = "owner_id";
    const SEARCHED: &'static [&'static str] = &["name", "email", "phone", "skills", "services", "bio"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |one, row| row.put(&one.name)),
        Field::new("email", Kind::Text, |one, row| row.put(&one.email)),
        Field::new("phone", Kind::Text, |one, row| row.put(&one.phone)),
        Field::required("specialties", Kind::Texts, |one, row| row.put(&one.specialties)),
        Field::required("skills", Kind::Json, |one, row| row.put(Json(&one.skills))),
        Field::required("services", Kind::Json, |one, row| row.put(Json(&one.services))),
        Field::required("certifications", Kind::Json, |one, row| row.put(Json(&one.certifications))),
        Field::new("rating", Kind::Integer, |one, row| row.put(one.rating)),
        Field::new("portfolio_url", Kind::Text, |one, row| row.put(&one.portfolio_url)),
        Field::new("currency", Kind::Text, |one, row| row.put(&one.currency)),
        Field::required("time_zone", Kind::Text, |one, row| row.put(&one.time_zone)),
        Field::required("weekly_hours", Kind::Json, |one, row| row.put(Json(&one.weekly_hours))),
        Field::required("exceptions", Kind::Json, |one, row| row.put(Json(&one.exceptions))),
        Field::required("status", Kind::Choice(ProfessionalStatus::WORDS), |one, row| row.put(one.status)),
        Field::new("owner_id", Kind::Id, |one, row| row.put(one.owner_id)),
        Field::new("bio", Kind::Text, |one, row| row.put(&one.bio)),
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

    fn own(&mut self, person: UserId) {
        self.owner_id.get_or_insert(person);
    }

    async fn take_along(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        subjects::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::of(RULES, name)
    }
}

impl Professional {
    fn check_hours(&self) -> Result<(), Rule> {
        let weekly = self.weekly_hours.iter();
        if hours::backwards(weekly.clone().map(|hours| Hours::from(*hours))) {
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
        // The last day is the exception's as well, so that two of them do not touch.
        let apart =
            days.clone().map(|days| ((), days.first_day, days.until().next_day().unwrap_or(days.until())));
        let within =
            |days: &Exception| hours::overlap(days.hours.iter().map(|hours| ((), hours.from, hours.to)));
        if hours::overlap(apart) || days.clone().any(within) {
            return Err(DAYS_OVERLAP);
        }
        Ok(())
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Professional, App>()
        .merge(subjects::router::<Professional>())
        .routes(routes!(availability::availability, availability::set_availability))
        .routes(routes!(available::available))
        .routes(routes!(free::free))
}
