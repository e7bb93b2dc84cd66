//! Value types of a professional.

use kernel::{Amount, CurrencyCode};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use time::Date;
use utoipa::ToSchema;
use validator::Validate;

use crate::validators;

/// Whether a professional can be booked.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ProfessionalStatus {
    /// Can be booked; the default.
    #[default]
    Active,
    /// Cannot be booked at present.
    Inactive,
}

db::text_enum!(ProfessionalStatus);

/// A skill of a professional and its level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    /// Name of the skill.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Welding", min_length = 1, max_length = 100)]
    pub name: String,
    /// Level from 1 (beginner) to 5 (expert).
    #[validate(range(min = 1, max = 5))]
    #[schema(minimum = 1, maximum = 5)]
    pub level: i32,
}

/// A service that a professional offers at a rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferedService {
    /// Name of the service.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Price per unit of the service.
    pub rate: Amount,
    /// Currency of the rate (ISO 4217).
    pub currency: CurrencyCode,
    /// Unit that the rate is paid for.
    #[serde(default)]
    pub unit: RateUnit,
}

/// Unit that a rate is paid for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RateUnit {
    /// One hour of work; the default.
    #[default]
    Hour,
    /// One session, whatever its duration.
    Session,
    /// Fixed price for the whole work.
    Fixed,
}

db::text_enum!(RateUnit);

/// A certification of a professional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Certification {
    /// Name of the certification.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Organization that issued it.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub issuer: Option<String>,
    /// Date when it was issued.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub issued_on: Option<Date>,
    /// Last day on which it is valid.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub expires_on: Option<Date>,
}

impl Certification {
    pub(super) fn is_backwards(&self) -> bool {
        matches!((self.issued_on, self.expires_on), (Some(issued), Some(expires)) if expires < issued)
    }
}
