//! Employees: the people who work for an account, and to whom they answer.

mod org_chart;

use db::{Field, Kind, Related, Resource, TenantTx};
use kernel::{Amount, Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::Date;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;

use crate::{
    App, form,
    rule::{self, Rule},
    subjects,
};
pub(crate) use org_chart::{OrgChart, OrgChartNode};

/// What an account keeps about an employee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Employee {
    /// As payroll knows them; no two employees share one.
    #[validate(length(min = 1, max = 50))]
    #[schema(example = "E-042")]
    pub code: String,
    /// What colleagues call them.
    #[validate(length(min = 1, max = 100))]
    pub first_name: String,
    /// The rest of their name.
    #[validate(length(min = 1, max = 100))]
    pub last_name: String,
    /// Where they are written to.
    #[validate(email, length(max = 254))]
    pub email: Option<String>,
    /// As it is dialled.
    #[validate(length(min = 1, max = 50))]
    pub phone: Option<String>,
    /// Where they work.
    #[validate(length(min = 1, max = 100))]
    pub department: Option<String>,
    /// What they do there.
    #[validate(length(min = 1, max = 200))]
    pub position: Option<String>,
    /// To whom they answer: another employee, and never, in however many steps, themselves.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub manager_id: Option<Id<Employee>>,
    /// Their first day.
    #[serde(default, with = "form::iso_8601::option")]
    #[validate(custom(function = "form::day"))]
    pub hire_date: Option<Date>,
    /// The member of the account who they are.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub member_id: Option<UserId>,
    /// What an hour of theirs costs; needs a currency.
    pub hourly_rate: Option<Amount>,
    /// Of the hourly rate, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// What they can do.
    #[serde(default)]
    #[validate(custom(function = "form::words"))]
    pub skills: Vec<String>,
}

const NEGATIVE: Rule =
    Rule::invalid("employee-hourly-rate-negative", "/hourly_rate", "an hourly rate is not negative");
const NO_CURRENCY: Rule =
    Rule::invalid("employee-currency-missing", "/currency", "an hourly rate needs a currency");
const CIRCLE: Rule =
    Rule::conflict("employee-manager-cycle", "/manager_id", "the employee would answer to themselves");
const RULES: &[(&str, Rule)] = &[
    ("uq_employees_code", Rule::conflict("employee-code-taken", "/code", "another employee has this code")),
    (
        "uq_employees_member",
        Rule::conflict("employee-member-taken", "/member_id", "another employee is this member"),
    ),
    ("ck_employees_manager_other", CIRCLE),
    ("ck_employees_circle", CIRCLE),
    (
        "ck_employees_levels",
        Rule::conflict(
            "employee-too-many-managers",
            "/manager_id",
            "no employee has a hundred managers above them",
        ),
    ),
    (
        "fk_employees_manager",
        Rule::invalid("employee-manager-unknown", "/manager_id", "this account has no such employee"),
    ),
    (
        "fk_employees_member",
        Rule::invalid("employee-not-a-member", "/member_id", "this account has no such member"),
    ),
];

impl Resource for Employee {
    const NAME: &'static str = "employee";
    const PLURAL: &'static str = "employees";
    const OWNER: &'static str = "member_id";
    const SEARCHED: &'static [&'static str] =
        &["code", "first_name", "last_name", "email", "phone", "department", "position"];
    const RELATED: &'static [Related] = &[Related::to::<Self>("manager", "manager_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("code", Kind::Text, |employee, row| row.put(&employee.code)),
        Field::required("first_name", Kind::Text, |employee, row| row.put(&employee.first_name)),
        Field::required("last_name", Kind::Text, |employee, row| row.put(&employee.last_name)),
        Field::new("email", Kind::Text, |employee, row| row.put(&employee.email)),
        Field::new("phone", Kind::Text, |employee, row| row.put(&employee.phone)),
        Field::new("department", Kind::Text, |employee, row| row.put(&employee.department)),
        Field::new("position", Kind::Text, |employee, row| row.put(&employee.position)),
        Field::new("manager_id", Kind::Id, |employee, row| row.put(employee.manager_id)),
        Field::new("hire_date", Kind::Date, |employee, row| row.put(employee.hire_date)),
        Field::new("member_id", Kind::Id, |employee, row| row.put(employee.member_id)),
        Field::new("hourly_rate", Kind::Amount, |employee, row| row.put(employee.hourly_rate)),
        Field::new("currency", Kind::Text, |employee, row| row.put(&employee.currency)),
        Field::required("skills", Kind::Texts, |employee, row| row.put(&employee.skills)),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        rule::money(&[(after.hourly_rate, NEGATIVE)], after.currency.as_ref(), NO_CURRENCY)
    }

    fn own(&mut self, person: UserId) {
        self.member_id.get_or_insert(person);
    }

    async fn take_along(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        subjects::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::of(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Employee, App>().merge(subjects::router::<Employee>()).routes(routes!(org_chart::org_chart))
}
