//! Projects: what an account does for a client.

mod status;

use db::{Field, Kind, Related, Resource, TenantTx};
use kernel::{Amount, Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::Date;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;

use crate::{
    App,
    clients::Client,
    form,
    rule::{self, Rule},
    subjects,
};
pub use status::ProjectStatus;

/// What an account keeps about a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// For whom it is done.
    #[schema(value_type = uuid::Uuid)]
    pub client_id: Id<Client>,
    /// What it is called.
    #[validate(length(min = 1, max = 200))]
    pub name: String,
    /// As it stands on bills and time sheets; no two projects share one.
    #[validate(length(min = 1, max = 50))]
    #[schema(example = "P-2026-07")]
    pub code: String,
    /// What it is about.
    #[validate(length(min = 1, max = 10_000))]
    pub description: Option<String>,
    /// What it may cost; needs a currency.
    pub budget: Option<Amount>,
    /// What it has cost; needs a currency.
    pub actual_cost: Option<Amount>,
    /// Of budget and cost, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// How much of it is done, in percent.
    #[serde(default)]
    #[validate(range(min = 0, max = 100))]
    pub progress: i32,
    /// Its first day.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub starts_on: Option<Date>,
    /// Its last day.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub ends_on: Option<Date>,
    /// How far it has come. From `planned` to `active`, from there to `on_hold` and back, to `completed`; to `cancelled`
    /// from each of the three.
    #[serde(default)]
    pub status: ProjectStatus,
    /// The member of the account who looks after it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
}

const BUDGET: Rule = Rule::invalid("project-budget-negative", "/budget", "a budget is not negative");
const COST: Rule = Rule::invalid("project-actual-cost-negative", "/actual_cost", "a cost is not negative");
const NO_CURRENCY: Rule =
    Rule::invalid("project-currency-missing", "/currency", "a budget and a cost need a currency");
const DAYS: Rule =
    Rule::invalid("project-ends-before-start", "/ends_on", "a project does not end before it starts");
const MOVE: Rule = Rule::conflict(
    "project-status-impossible",
    "/status",
    "a project does not go from its status to this one",
);
const RULES: &[(&str, Rule)] = &[
    ("uq_projects_code", Rule::conflict("project-code-taken", "/code", "another project has this code")),
    (
        "fk_projects_client",
        Rule::invalid("project-client-unknown", "/client_id", "this account has no such client"),
    ),
    (
        "fk_projects_owner",
        Rule::invalid("project-owner-not-a-member", "/owner_id", "the owner is not a member of this account"),
    ),
];

impl Resource for Project {
    const NAME: &'static str = "project";
    const PLURAL: &'static str = "projects";
    const OWNER: &'static str = "owner_id";
    const SEARCHED: &'static [&'static str] = &["code", "name", "description"];
    const RELATED: &'static [Related] = &[Related::to::<Client>("client", "client_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("client_id", Kind::Id, |project, row| row.put(project.client_id)),
        Field::required("name", Kind::Text, |project, row| row.put(&project.name)),
        Field::required("code", Kind::Text, |project, row| row.put(&project.code)),
        Field::new("description", Kind::Text, |project, row| row.put(&project.description)),
        Field::new("budget", Kind::Amount, |project, row| row.put(project.budget)),
        Field::new("actual_cost", Kind::Amount, |project, row| row.put(project.actual_cost)),
        Field::new("currency", Kind::Text, |project, row| row.put(&project.currency)),
        Field::required("progress", Kind::Integer, |project, row| row.put(project.progress)),
        Field::new("starts_on", Kind::Date, |project, row| row.put(project.starts_on)),
        Field::new("ends_on", Kind::Date, |project, row| row.put(project.ends_on)),
        Field::required("status", Kind::Choice(ProjectStatus::WORDS), |project, row| row.put(project.status)),
        Field::new("owner_id", Kind::Id, |project, row| row.put(project.owner_id)),
    ];
    type Refusal = Rule;

    /// A new project may have any status: it may have begun before it came to us.
    fn check(before: Option<&Self>, after: &Self) -> Result<(), Rule> {
        if let Some(before) = before.filter(|before| !before.status.leads_to(after.status)) {
            return Err(MOVE.but(before.status.next()));
        }
        if let (Some(starts), Some(ends)) = (after.starts_on, after.ends_on)
            && ends < starts
        {
            return Err(DAYS);
        }
        let amounts = [(after.budget, BUDGET), (after.actual_cost, COST)];
        rule::money(&amounts, after.currency.as_ref(), NO_CURRENCY)
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

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Project, App>().merge(subjects::router::<Project>())
}
