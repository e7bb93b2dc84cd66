//! E-mail addresses and telephone numbers of a contact.

use kernel::{EmailAddress, PhoneNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An e-mail address of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// Kind of e-mail address; `work` by default.
    #[serde(default)]
    pub kind: EmailKind,
    /// The e-mail address itself.
    pub address: EmailAddress,
}

/// Kinds of e-mail addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmailKind {
    /// Address at work; the default.
    #[default]
    Work,
    /// Private e-mail address of the person.
    Personal,
    /// Any other e-mail address.
    Other,
}

/// A telephone number of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// Kind of telephone number; `work` by default.
    #[serde(default)]
    pub kind: PhoneKind,
    /// Telephone number in dialable form.
    pub number: PhoneNumber,
}

/// Kinds of telephone numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhoneKind {
    /// Number at work; the default.
    #[default]
    Work,
    /// Mobile telephone, whether private or not.
    Mobile,
    /// Private telephone number at home.
    Home,
    /// Any other telephone number.
    Other,
}
