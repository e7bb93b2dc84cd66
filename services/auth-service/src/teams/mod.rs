//! Teams: members who work on each other's records, where a permission reaches that far.

mod members;
mod restore;

use axum::routing::post;
use db::{FromRow, Refusal};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::ResourceName;

use crate::App;
pub(crate) use members::TeamMembers;

/// A group of members who share records by `@team` permissions.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Name, unique within the account.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "North", min_length = 1, max_length = 100)]
    name: String,
}

impl ResourceName for Team {
    const NAME: &'static str = "team";
}

impl Resource for Team {
    const TABLE: &'static str = "teams";
    const EVENT_PREFIX: &'static str = "auth";
    const FIELDS: &'static [Field<Self>] =
        &[Field::required("name", Kind::Text, |team, row| row.bind(&team.name))];
    type Refusal = TeamRefusal;

    fn constraint(name: &str) -> Option<TeamRefusal> {
        (name == "uq_teams_name").then_some(TeamRefusal::NameTaken)
    }
}

/// Reasons to reject a change of a team.
#[derive(Debug, thiserror::Error)]
pub enum TeamRefusal {
    /// Violates the constraint `uq_teams_name`.
    #[error("another team has this name")]
    NameTaken,
}

impl Refusal for TeamRefusal {
    fn code(&self) -> &'static str {
        "team-name-taken"
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/name")
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud_without_restore::<Team, App>()
        .route("/api/v1/teams/{id}/restore", post(restore::restore_team))
        .routes(routes!(members::list_team_members, members::set_team_members))
}
