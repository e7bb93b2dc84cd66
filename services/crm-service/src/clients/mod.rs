//! Clients: the businesses and people an account sells to.

mod status;

use db::{Field, Kind, Resource, TenantTx};
use kernel::{Amount, Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;

use crate::{
    App, form,
    rule::{self, Rule},
    subjects,
};
pub use status::ClientStatus;

/// What an account keeps about a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The business, or the person.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Acme Ltd.")]
    pub name: String,
    /// Where it is written to.
    #[validate(email, length(max = 254))]
    pub email: Option<String>,
    /// As it is dialled.
    #[validate(length(min = 1, max = 50))]
    pub phone: Option<String>,
    /// Where a person works.
    #[validate(length(min = 1, max = 200))]
    pub company: Option<String>,
    /// Given by the tax office; no two clients share one.
    #[validate(length(min = 1, max = 32))]
    pub tax_id: Option<String>,
    /// What it does.
    #[validate(length(min = 1, max = 100))]
    pub industry: Option<String>,
    /// How good a client it is.
    #[validate(range(min = 1, max = 5))]
    pub rating: Option<i32>,
    /// Its address on the web.
    #[validate(url, length(max = 500), custom(function = "web::web_address"))]
    pub website: Option<String>,
    /// Where bills go: street and number.
    #[validate(length(min = 1, max = 200))]
    pub billing_street: Option<String>,
    /// Where bills go: city.
    #[validate(length(min = 1, max = 100))]
    pub billing_city: Option<String>,
    /// Where bills go: state, province or county.
    #[validate(length(min = 1, max = 100))]
    pub billing_region: Option<String>,
    /// Where bills go: postal code.
    #[validate(length(min = 1, max = 20))]
    pub billing_postal_code: Option<String>,
    /// Where bills go: country.
    #[validate(length(min = 1, max = 100))]
    pub billing_country: Option<String>,
    /// How much it may owe; needs a currency.
    pub credit_limit: Option<Amount>,
    /// Of the credit limit, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// How far it has come.
    #[serde(default)]
    pub status: ClientStatus,
    /// The member of the account who looks after it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Anything else.
    #[validate(length(min = 1, max = 10_000))]
    pub notes: Option<String>,
}

const NEGATIVE: Rule =
    Rule::invalid("client-credit-limit-negative", "/credit_limit", "a credit limit is not negative");
const NO_CURRENCY: Rule =
    Rule::invalid("client-currency-missing", "/currency", "a credit limit needs a currency");
const RULES: &[(&str, Rule)] = &[
    ("uq_clients_tax_id", Rule::conflict("client-tax-id-taken", "/tax_id", "another client has this tax id")),
    (
        "fk_clients_owner",
        Rule::invalid("client-owner-not-a-member", "/owner_id", "the owner is not a member of this account"),
    ),
];

impl Resource for Client {
    const NAME: &'static str = "client";
    const PLURAL: &'static str = "clients";
    const OWNER: &'static str = "owner_id";
    const SEARCHED: &'static [&'static str] = &["name", "company", "email", "tax_id", "phone", "notes"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |client, row| row.put(&client.name)),
        Field::new("email", Kind::Text, |client, row| row.put(&client.email)),
        Field::new("phone", Kind::Text, |client, row| row.put(&client.phone)),
        Field::new("company", Kind::Text, |client, row| row.put(&client.company)),
        Field::new("tax_id", Kind::Text, |client, row| row.put(&client.tax_id)),
        Field::new("industry", Kind::Text, |client, row| row.put(&client.industry)),
        Field::new("rating", Kind::Integer, |client, row| row.put(client.rating)),
        Field::new("website", Kind::Text, |client, row| row.put(&client.website)),
        Field::new("billing_street", Kind::Text, |client, row| row.put(&client.billing_street)),
        Field::new("billing_city", Kind::Text, |client, row| row.put(&client.billing_city)),
        Field::new("billing_region", Kind::Text, |client, row| row.put(&client.billing_region)),
        Field::new("billing_postal_code", Kind::Text, |client, row| row.put(&client.billing_postal_code)),
        Field::new("billing_country", Kind::Text, |client, row| row.put(&client.billing_country)),
        Field::new("credit_limit", Kind::Amount, |client, row| row.put(client.credit_limit)),
        Field::new("currency", Kind::Text, |client, row| row.put(&client.currency)),
        Field::required("status", Kind::Choice(ClientStatus::WORDS), |client, row| row.put(client.status)),
        Field::new("owner_id", Kind::Id, |client, row| row.put(client.owner_id)),
        Field::new("notes", Kind::Text, |client, row| row.put(&client.notes)),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        rule::money(&[(after.credit_limit, NEGATIVE)], after.currency.as_ref(), NO_CURRENCY)
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
    web::crud::<Client, App>().merge(subjects::router::<Client>())
}
