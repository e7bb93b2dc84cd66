//! How a contact is reached.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// Where somebody is written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// Which of theirs.
    #[serde(default)]
    pub kind: EmailKind,
    /// The address.
    #[validate(email, length(max = 254))]
    pub address: String,
}

/// Kinds of e-mail addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmailKind {
    /// At work.
    #[default]
    Work,
    /// Their own.
    Personal,
    /// Neither.
    Other,
}

/// Where somebody is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// Which of theirs.
    #[serde(default)]
    pub kind: PhoneKind,
    /// As it is dialled.
    #[validate(length(min = 1, max = 50))]
    pub number: String,
}

/// Kinds of telephones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhoneKind {
    /// At work.
    #[default]
    Work,
    /// With them.
    Mobile,
    /// At home.
    Home,
    /// None of these.
    Other,
}
