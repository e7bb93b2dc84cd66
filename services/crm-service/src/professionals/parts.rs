//! What there is to know about a professional, in parts.

use kernel::Amount;
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;
use validator::Validate;

use crate::form;

/// Whether somebody can be booked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ProfessionalStatus {
    /// They can.
    #[default]
    Active,
    /// Not now.
    Inactive,
}

impl ProfessionalStatus {
    /// Every status, as it is written.
    pub(super) const WORDS: &'static [&'static str] = &["active", "inactive"];
}

/// Something that somebody can do, and how well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    /// What it is.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Welding")]
    pub name: String,
    /// From 1, a beginner, to 5, whom others ask.
    #[validate(range(min = 1, max = 5))]
    pub level: i32,
}

/// Something that somebody does for a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What it is.
    #[validate(length(min = 1, max = 200))]
    pub name: String,
    /// What a unit of it costs.
    pub rate: Amount,
    /// Of the rate, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: String,
    /// What is paid for.
    #[serde(default)]
    pub unit: Unit,
}

/// What a rate is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Unit {
    /// An hour.
    #[default]
    Hour,
    /// One time, however long it takes.
    Session,
    /// All of it.
    Fixed,
}

impl Unit {
    /// Every unit, as it is written.
    pub(crate) const WORDS: &'static [&'static str] = &["hour", "session", "fixed"];
}

/// A paper that says what somebody can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Certification {
    /// What it says.
    #[validate(length(min = 1, max = 200))]
    pub name: String,
    /// Who says so.
    #[validate(length(min = 1, max = 200))]
    pub issuer: Option<String>,
    /// Since when.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub issued_on: Option<Date>,
    /// The last day on which it is good.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub expires_on: Option<Date>,
}

impl Certification {
    pub(super) fn is_backwards(&self) -> bool {
        matches!((self.issued_on, self.expires_on), (Some(issued), Some(expires)) if expires < issued)
    }
}
