//! Projects: work of an account for a client.

mod status;

use db::{FromRow, TenantTx};
use kernel::{Amount, CurrencyCode, Id, UserId};
use resource::{Field, Kind, Related, Resource};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use time::Date;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;
use web::ResourceName;

use crate::{
    App, about,
    clients::Client,
    refusal::{self, Rule},
    validators,
};
pub use status::ProjectStatus;

/// A project of the account for a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Client that the project is for.
    #[schema(value_type = uuid::Uuid)]
    pub client_id: Id<Client>,
    /// Name of the project.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "New warehouse", min_length = 1, max_length = 200)]
    pub name: String,
    /// Project code, for invoices and time sheets; unique within the account.
    #[validate(length(min = 1, max = 50))]
    #[schema(example = "P-2026-07", min_length = 1, max_length = 50)]
    pub code: String,
    /// Description of the project.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
    pub description: Option<String>,
    /// Budget; needs a currency.
    pub budget: Option<Amount>,
    /// Actual cost; needs a currency.
    pub actual_cost: Option<Amount>,
    /// Currency of budget and cost (ISO 4217).
    pub currency: Option<CurrencyCode>,
    /// Progress in percent, 0 to 100.
    #[serde(default)]
    #[validate(range(min = 0, max = 100))]
    #[schema(minimum = 0, maximum = 100)]
    pub progress: i32,
    /// First day of the project.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub starts_on: Option<Date>,
    /// Last day of the project.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub ends_on: Option<Date>,
    /// Status of the project. `planned` leads to `active`, `active` to `on_hold` and back, or to `completed`; each of
    /// the three may become `cancelled`.
    #[serde(default)]
    pub status: ProjectStatus,
    /// Member of the account who is responsible for the project.
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

impl ResourceName for Project {
    const NAME: &'static str = "project";
}

impl Resource for Project {
    const TABLE: &'static str = "projects";
    const OWNER: &'static str = "owner_id";
    const SEARCH_FIELDS: &'static [&'static str] = &["code", "name", "description"];
    const RELATIONS: &'static [Related] = &[Related::new::<Client>("client", "client_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("client_id", Kind::Id, |project, row| row.bind(project.client_id)),
        Field::required("name", Kind::Text, |project, row| row.bind(&project.name)),
        Field::required("code", Kind::Text, |project, row| row.bind(&project.code)),
        Field::new("description", Kind::Text, |project, row| row.bind(&project.description)),
        Field::new("budget", Kind::Amount, |project, row| row.bind(project.budget)),
        Field::new("actual_cost", Kind::Amount, |project, row| row.bind(project.actual_cost)),
        Field::new("currency", Kind::Text, |project, row| row.bind(&project.currency)),
        Field::required("progress", Kind::Integer, |project, row| row.bind(project.progress)),
        Field::new("starts_on", Kind::Date, |project, row| row.bind(project.starts_on)),
        Field::new("ends_on", Kind::Date, |project, row| row.bind(project.ends_on)),
        Field::state("status", ProjectStatus::VARIANTS, ProjectStatus::TRANSITIONS, |project, row| {
            row.bind(project.status);
        }),
        Field::member("owner_id", |project, row| row.bind(project.owner_id)),
    ];
    type Refusal = Rule;

    /// A new project may have any status, since it may have begun before it was recorded.
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
        refusal::money(&amounts, after.currency.as_ref(), NO_CURRENCY)
    }

    fn set_default_owner(&mut self, person: UserId) {
        self.owner_id.get_or_insert(person);
    }

    async fn purge_dependents(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        about::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Project, App>()
}
