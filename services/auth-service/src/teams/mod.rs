//! Teams: members who work on each other's records, where a permission reaches that far.

mod members;
mod restore;

use axum::routing::post;
use db::{Field, Kind, Refusal, Resource};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;

use crate::App;
pub(crate) use members::TeamMembers;

/// A team.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// No two teams of an account share one.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "North")]
    name: String,
}

impl Resource for Team {
    const NAME: &'static str = "team";
    const PLURAL: &'static str = "teams";
    const AREA: &'static str = "auth";
    const FIELDS: &'static [Field<Self>] =
        &[Field::required("name", Kind::Text, |team, row| row.put(&team.name))];
    type Refusal = TeamRefusal;

    fn constraint(name: &str) -> Option<TeamRefusal> {
        (name == "uq_teams_name").then_some(TeamRefusal::NameTaken)
    }
}

/// Why a team cannot be written so.
#[derive(Debug, thiserror::Error)]
pub enum TeamRefusal {
    /// See `uq_teams_name`.
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
    web::crud_without_restore::<Team, App>()
        .route("/api/v1/teams/{id}/restore", post(restore::restore_team))
        .routes(routes!(members::team_members, members::set_team_members))
}
