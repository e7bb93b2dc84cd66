//! Roles: sets of permissions that members hold. Five are every account's; the rest are its own.

mod catalogue;
mod write;

use db::{Field, Kind, Refusal, Resource, Sort};
use identity::{HiddenField, Permission, Permissions};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::{Validate, ValidationError};

use crate::App;
pub(crate) use catalogue::Catalogue;

/// A set of permissions.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    /// No two roles of an account share one.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Sales")]
    pub(crate) name: String,
    /// What it is for.
    #[validate(length(max = 500))]
    description: Option<String>,
    /// A member's role of the greatest priority is shown as the effective one: 0 to 79.
    #[serde(default)]
    #[validate(range(min = 0, max = 100))]
    priority: i32,
    /// What it lets one do, such as `client:read`, `client:*` or `client:write@own`.
    #[serde(deserialize_with = "web::each_once")]
    #[validate(length(max = 100), custom(function = "permissions"))]
    #[schema(example = json!(["client:read", "client:write@own"]))]
    pub(crate) permissions: Vec<String>,
    /// Fields that it does not show, such as `client.credit_limit`. What every record has cannot be hidden (its id, version
    /// and times), nor can a field be that a record needs which the role lets one create.
    #[serde(default, deserialize_with = "web::each_once")]
    #[validate(length(max = 50), custom(function = "fields"))]
    pub(crate) hidden_fields: Vec<String>,
    /// Whether it is one of the five that every account has, which cannot be changed.
    #[serde(default)]
    pub(crate) standard: bool,
}

impl Role {
    fn rights(&self) -> Permissions {
        Permissions::new(&self.permissions).hiding(self.hidden_fields.iter().cloned())
    }
}

impl Resource for Role {
    const NAME: &'static str = "role";
    const PLURAL: &'static str = "roles";
    const AREA: &'static str = "auth";
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |role, row| row.put(&role.name)),
        Field::new("description", Kind::Text, |role, row| row.put(&role.description)),
        Field::required("priority", Kind::Integer, |role, row| row.put(role.priority)),
        Field::required("permissions", Kind::Texts, |role, row| row.put(&role.permissions)),
        Field::required("hidden_fields", Kind::Texts, |role, row| row.put(&role.hidden_fields)),
        Field::required("standard", Kind::Boolean, |role, row| row.put(role.standard)),
    ];
    type Refusal = RoleRefusal;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), RoleRefusal> {
        if after.standard || before.is_some_and(|before| before.standard) {
            return Err(RoleRefusal::Standard);
        }
        if after.priority >= 80 {
            return Err(RoleRefusal::PriorityTooHigh);
        }
        match after.rights().hidden_required_field() {
            Some(field) => Err(RoleRefusal::HidesRequired(field.to_owned())),
            None => Ok(()),
        }
    }

    fn constraint(name: &str) -> Option<RoleRefusal> {
        (name == "uq_roles_name").then_some(RoleRefusal::NameTaken)
    }
}

/// Why a role cannot be written so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoleRefusal {
    /// See `uq_roles_name`.
    #[error("another role has this name")]
    NameTaken,
    /// It is every account's.
    #[error("standard roles are the same in every account; make a role of your own instead")]
    Standard,
    /// The standard roles of owners and administrators come first.
    #[error("a role of one's own has a priority from 0 to 79")]
    PriorityTooHigh,
    /// Nothing could be created by it. Holds the field.
    #[error("`{0}` is required, so a role that may create what it belongs to cannot hide it")]
    HidesRequired(String),
    /// Somebody holds it.
    #[error("members hold this role; give them another one first")]
    InUse,
    /// Nobody widens, or narrows, what they themselves may do.
    #[error("this is a role of your own; somebody else has to change it")]
    OwnRole,
}

impl Refusal for RoleRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NameTaken => "role-name-taken",
            Self::Standard => "role-standard",
            Self::PriorityTooHigh => "role-priority-too-high",
            Self::HidesRequired(_) => "role-hides-required",
            Self::InUse => "role-in-use",
            Self::OwnRole => "role-own",
        }
    }

    fn sort(&self) -> Sort {
        match self {
            Self::PriorityTooHigh | Self::HidesRequired(_) => Sort::Invalid,
            Self::NameTaken | Self::Standard | Self::InUse => Sort::Conflict,
            Self::OwnRole => Sort::Forbidden,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::NameTaken => Some("/name"),
            Self::PriorityTooHigh => Some("/priority"),
            Self::HidesRequired(_) => Some("/hidden_fields"),
            _ => None,
        }
    }
}

pub(crate) fn permissions(texts: &[String]) -> Result<(), ValidationError> {
    for text in texts {
        text.parse::<Permission>().map_err(|error| problem("permission", format!("`{text}` {error}")))?;
    }
    Ok(())
}

fn fields(texts: &[String]) -> Result<(), ValidationError> {
    for text in texts {
        text.parse::<HiddenField>().map_err(|error| problem("field", format!("`{text}` {error}")))?;
    }
    Ok(())
}

fn problem(code: &'static str, message: String) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud_for_reading::<Role, App>()
        .routes(routes!(write::create_role))
        .routes(routes!(write::change_role, write::remove_role))
        .routes(routes!(catalogue::permissions))
}
