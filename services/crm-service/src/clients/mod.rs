//! Clients: the businesses and people an account sells to.

mod status;

use db::{FromRow, TenantTx};
use kernel::{Amount, CurrencyCode, EmailAddress, Id, PhoneNumber, UserId, WebUrl};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;
use web::ResourceName;

use crate::{
    App, about,
    refusal::{self, Rule},
};
pub use status::ClientStatus;

/// A client of the account: a business or a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Name of the business or person.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Acme Ltd.", min_length = 1, max_length = 200)]
    pub name: String,
    /// E-mail address of the client.
    pub email: Option<EmailAddress>,
    /// Telephone number in dialable form.
    pub phone: Option<PhoneNumber>,
    /// Company of a client who is a person.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub company: Option<String>,
    /// Tax identification number, unique within the account.
    #[validate(length(min = 1, max = 32))]
    #[schema(min_length = 1, max_length = 32)]
    pub tax_id: Option<String>,
    /// Industry that the client works in.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub industry: Option<String>,
    /// Rating of the client, from 1 to 5.
    #[validate(range(min = 1, max = 5))]
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<i32>,
    /// URL of the client's website.
    pub website: Option<WebUrl>,
    /// Billing address: street and number.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub billing_street: Option<String>,
    /// Billing address: city or town.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub billing_city: Option<String>,
    /// Billing address: state, province or county.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub billing_region: Option<String>,
    /// Billing address: postal code.
    #[validate(length(min = 1, max = 20))]
    #[schema(min_length = 1, max_length = 20)]
    pub billing_postal_code: Option<String>,
    /// Billing address: country.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub billing_country: Option<String>,
    /// Credit limit; needs a currency.
    pub credit_limit: Option<Amount>,
    /// Currency of the credit limit (ISO 4217).
    pub currency: Option<CurrencyCode>,
    /// Stage of the client relationship.
    #[serde(default)]
    pub status: ClientStatus,
    /// Member of the account who is responsible for the client.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Free-text notes on the client.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
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

impl ResourceName for Client {
    const NAME: &'static str = "client";
}

impl Resource for Client {
    const TABLE: &'static str = "clients";
    const OWNER: &'static str = "owner_id";
    const SEARCH_FIELDS: &'static [&'static str] = &["name", "company", "email", "tax_id", "phone", "notes"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |client, row| row.bind(&client.name)),
        Field::new("email", Kind::Text, |client, row| row.bind(&client.email)),
        Field::new("phone", Kind::Text, |client, row| row.bind(&client.phone)),
        Field::new("company", Kind::Text, |client, row| row.bind(&client.company)),
        Field::new("tax_id", Kind::Text, |client, row| row.bind(&client.tax_id)),
        Field::new("industry", Kind::Text, |client, row| row.bind(&client.industry)),
        Field::new("rating", Kind::Integer, |client, row| row.bind(client.rating)),
        Field::new("website", Kind::Text, |client, row| row.bind(&client.website)),
        Field::new("billing_street", Kind::Text, |client, row| row.bind(&client.billing_street)),
        Field::new("billing_city", Kind::Text, |client, row| row.bind(&client.billing_city)),
        Field::new("billing_region", Kind::Text, |client, row| row.bind(&client.billing_region)),
        Field::new("billing_postal_code", Kind::Text, |client, row| row.bind(&client.billing_postal_code)),
        Field::new("billing_country", Kind::Text, |client, row| row.bind(&client.billing_country)),
        Field::new("credit_limit", Kind::Amount, |client, row| row.bind(client.credit_limit)),
        Field::new("currency", Kind::Text, |client, row| row.bind(&client.currency)),
        Field::required("status", Kind::Choice(ClientStatus::VARIANTS), |client, row| {
            row.bind(client.status);
        }),
        Field::member("owner_id", |client, row| row.bind(client.owner_id)),
        Field::new("notes", Kind::Text, |client, row| row.bind(&client.notes)),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        refusal::money(&[(after.credit_limit, NEGATIVE)], after.currency.as_ref(), NO_CURRENCY)
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
    resource::crud::<Client, App>()
}
