//! Employees of an account and their managers.

mod org_chart;

use db::{FromRow, TenantTx};
use kernel::{Amount, CurrencyCode, EmailAddress, Id, PhoneNumber, UserId};
use resource::{Field, Kind, Related, Resource};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::ResourceName;

use crate::{
    App, about,
    refusal::{self, Rule},
    validators,
};
pub(crate) use org_chart::{OrgChart, OrgChartNode};

/// An employee of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Employee {
    /// Personnel number, unique within the account.
    #[validate(length(min = 1, max = 50))]
    #[schema(example = "E-042", min_length = 1, max_length = 50)]
    pub code: String,
    /// First name of the employee.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Ana", min_length = 1, max_length = 100)]
    pub first_name: String,
    /// Last name of the employee.
    #[validate(length(min = 1, max = 100))]
    #[schema(example = "Lima", min_length = 1, max_length = 100)]
    pub last_name: String,
    /// E-mail address of the employee.
    pub email: Option<EmailAddress>,
    /// Telephone number in dialable form.
    pub phone: Option<PhoneNumber>,
    /// Department of the employee.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub department: Option<String>,
    /// Position of the employee.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub position: Option<String>,
    /// Manager of the employee: another employee; management chains have no cycles.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub manager_id: Option<Id<Employee>>,
    /// First day of employment.
    #[serde(default, with = "validators::iso_8601::option")]
    #[validate(custom(function = "validators::supported_date"))]
    pub hire_date: Option<Date>,
    /// Member of the account who is this employee.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub member_id: Option<UserId>,
    /// Cost per hour; needs a currency.
    pub hourly_rate: Option<Amount>,
    /// Currency of the hourly rate (ISO 4217).
    pub currency: Option<CurrencyCode>,
    /// Skills of the employee, as free text.
    #[serde(default)]
    #[validate(custom(function = "validators::short_strings"))]
    #[schema(schema_with = validators::short_strings_schema)]
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

impl ResourceName for Employee {
    const NAME: &'static str = "employee";
}

impl Resource for Employee {
    const TABLE: &'static str = "employees";
    const OWNER: &'static str = "member_id";
    const SEARCH_FIELDS: &'static [&'static str] =
        &["code", "first_name", "last_name", "email", "phone", "department", "position"];
    const RELATIONS: &'static [Related] = &[Related::new::<Self>("manager", "manager_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("code", Kind::Text, |employee, row| row.bind(&employee.code)),
        Field::required("first_name", Kind::Text, |employee, row| row.bind(&employee.first_name)),
        Field::required("last_name", Kind::Text, |employee, row| row.bind(&employee.last_name)),
        Field::new("email", Kind::Text, |employee, row| row.bind(&employee.email)),
        Field::new("phone", Kind::Text, |employee, row| row.bind(&employee.phone)),
        Field::new("department", Kind::Text, |employee, row| row.bind(&employee.department)),
        Field::new("position", Kind::Text, |employee, row| row.bind(&employee.position)),
        Field::new("manager_id", Kind::Id, |employee, row| row.bind(employee.manager_id)),
        Field::new("hire_date", Kind::Date, |employee, row| row.bind(employee.hire_date)),
        Field::member("member_id", |employee, row| row.bind(employee.member_id)),
        Field::new("hourly_rate", Kind::Amount, |employee, row| row.bind(employee.hourly_rate)),
        Field::new("currency", Kind::Text, |employee, row| row.bind(&employee.currency)),
        Field::required("skills", Kind::Texts, |employee, row| row.bind(&employee.skills)),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        refusal::money(&[(after.hourly_rate, NEGATIVE)], after.currency.as_ref(), NO_CURRENCY)
    }

    fn set_default_owner(&mut self, person: UserId) {
        self.member_id.get_or_insert(person);
    }

    async fn purge_dependents(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        about::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Employee, App>().routes(routes!(org_chart::get_org_chart))
}
