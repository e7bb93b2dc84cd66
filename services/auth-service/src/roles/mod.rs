//! Roles: sets of permissions that members hold. Every account has five standard roles, and can add its own.

mod catalogue;
mod held;
mod write;

use db::{FromRow, Refusal, RefusalKind};
use identity::{HiddenField, Permission, Permissions};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::{Validate, ValidationError};
use web::ResourceName;

use crate::App;
pub(crate) use catalogue::PermissionCatalog;
pub(crate) use held::{find_all, find_known};

/// A named set of permissions that members can hold.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    /// Name, unique within the account.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Sales", min_length = 1, max_length = 100)]
    pub(crate) name: String,
    /// Purpose of the role, in words.
    #[validate(length(max = 500))]
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Priority from 0 to 79. A member's role of the highest priority is their effective role.
    #[serde(default)]
    #[validate(range(min = 0, max = 100))]
    #[schema(minimum = 0, maximum = 100)]
    priority: i32,
    /// Permissions that the role grants, such as `client:read`, `client:*` or `client:write@own`.
    #[serde(deserialize_with = "web::each_once")]
    #[validate(length(max = 100), custom(function = "permissions"))]
    #[schema(schema_with = resource::permissions_schema::<0>)]
    pub(crate) permissions: Vec<String>,
    /// Fields that the role hides, such as `client.credit_limit`. Fields that every record has (id, version, times)
    /// cannot be hidden. Nor can a required field of a record that the role may create.
    #[serde(default, deserialize_with = "web::each_once")]
    #[validate(length(max = 50), custom(function = "fields"))]
    #[schema(schema_with = resource::texts_schema::<0, 50, 100>)]
    pub(crate) hidden_fields: Vec<String>,
    /// Whether it is one of the five standard roles, which cannot be changed.
    #[serde(default)]
    pub(crate) standard: bool,
}

impl Role {
    fn rights(&self) -> Permissions {
        Permissions::new(&self.permissions).hiding(self.hidden_fields.iter().cloned())
    }
}

impl ResourceName for Role {
    const NAME: &'static str = "role";
}

impl Resource for Role {
    const TABLE: &'static str = "roles";
    const EVENT_PREFIX: &'static str = "auth";
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |role, row| row.bind(&role.name)),
        Field::new("description", Kind::Text, |role, row| row.bind(&role.description)),
        Field::required("priority", Kind::Integer, |role, row| row.bind(role.priority)),
        Field::required("permissions", Kind::Texts, |role, row| row.bind(&role.permissions)),
        Field::required("hidden_fields", Kind::Texts, |role, row| row.bind(&role.hidden_fields)),
        Field::required("standard", Kind::Boolean, |role, row| row.bind(role.standard)),
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

/// Reasons to reject a role, or a change of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoleRefusal {
    /// Violates the constraint `uq_roles_name`.
    #[error("another role has this name")]
    NameTaken,
    /// Standard roles cannot be changed.
    #[error("standard roles are the same in every account; make a role of your own instead")]
    Standard,
    /// Priorities above 79 are reserved for the standard roles of owners and administrators.
    #[error("a role of one's own has a priority from 0 to 79")]
    PriorityTooHigh,
    /// The role may create such records, but could not set a required field. Holds the field.
    #[error("`{0}` is required, so a role that may create what it belongs to cannot hide it")]
    HidesRequired(String),
    /// At least one member holds the role.
    #[error("members hold this role; give them another one first")]
    InUse,
    /// Callers cannot change a role that they hold themselves.
    #[error("you have this role yourself; another administrator has to change it")]
    OwnRole,
    /// The role does not exist in the account.
    #[error("the account has no such role")]
    Unknown(&'static str),
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
            Self::Unknown(_) => "role-unknown",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::PriorityTooHigh | Self::HidesRequired(_) | Self::Unknown(_) => RefusalKind::Invalid,
            Self::NameTaken | Self::Standard | Self::InUse => RefusalKind::Conflict,
            Self::OwnRole => RefusalKind::Forbidden,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::NameTaken => Some("/name"),
            Self::PriorityTooHigh => Some("/priority"),
            Self::HidesRequired(_) => Some("/hidden_fields"),
            Self::Unknown(pointer) => Some(pointer),
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
    resource::read_only::<Role, App>()
        .routes(routes!(write::create_role))
        .routes(routes!(write::update_role, write::delete_role))
        .routes(routes!(catalogue::list_permissions))
}
