//! Suppliers of an account, and relations between them.

mod relations;

use std::collections::BTreeMap;

use db::{FromRow, Json, TenantTx};
use kernel::{CurrencyCode, EmailAddress, Id, PhoneNumber, UserId, WebUrl};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;
use web::ResourceName;

use crate::{App, about, refusal::Rule, validators};
pub(crate) use relations::router as relations_router;
pub use relations::{RelationKind, SupplierRelation};

/// A supplier of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Supplier {
    /// Name of the supplier, as on its invoices.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Acme Ltd.", min_length = 1, max_length = 200)]
    pub name: String,
    /// E-mail address of the supplier.
    pub email: Option<EmailAddress>,
    /// Telephone number in dialable form.
    pub phone: Option<PhoneNumber>,
    /// Tax identification number, unique within the account.
    #[validate(length(min = 1, max = 32))]
    #[schema(min_length = 1, max_length = 32)]
    pub tax_id: Option<String>,
    /// URL of the supplier's website.
    pub website: Option<WebUrl>,
    /// Payment term of its invoices in days.
    #[validate(range(min = 0, max = 365))]
    #[schema(minimum = 0, maximum = 365)]
    pub payment_days: Option<i32>,
    /// Lead time in days, from order to delivery.
    #[validate(range(min = 0, max = 3650))]
    #[schema(minimum = 0, maximum = 3650)]
    pub lead_time_days: Option<i32>,
    /// Rating of the supplier, from 0 to 5.
    #[validate(range(min = 0, max = 5))]
    #[schema(minimum = 0, maximum = 5)]
    pub rating: Option<i32>,
    /// Categories of goods that it sells.
    #[serde(default)]
    #[validate(custom(function = "validators::short_strings"))]
    #[schema(schema_with = validators::short_strings_schema)]
    pub categories: Vec<String>,
    /// Currency of its invoices (ISO 4217).
    pub currency: Option<CurrencyCode>,
    /// Ids of the supplier in other systems, by the name of the system.
    #[serde(default)]
    #[column(json)]
    #[validate(custom(function = "validators::external_ids"))]
    #[schema(schema_with = validators::external_ids_schema)]
    pub external_ids: BTreeMap<String, String>,
    /// Address: street and number.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub street: Option<String>,
    /// Address: city of the supplier.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub city: Option<String>,
    /// Address: state, province or county.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub region: Option<String>,
    /// Address: postal code of the supplier.
    #[validate(length(min = 1, max = 20))]
    #[schema(min_length = 1, max_length = 20)]
    pub postal_code: Option<String>,
    /// Address: country of the supplier.
    #[validate(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub country: Option<String>,
    /// Member of the account who is responsible for the supplier.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Free-text notes on the supplier.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
    pub notes: Option<String>,
}

const RULES: &[(&str, Rule)] = &[
    (
        "uq_suppliers_tax_id",
        Rule::conflict("supplier-tax-id-taken", "/tax_id", "another supplier has this tax id"),
    ),
    (
        "fk_suppliers_owner",
        Rule::invalid(
            "supplier-owner-not-a-member",
            "/owner_id",
            "the owner is not a member of this account",
        ),
    ),
];

impl ResourceName for Supplier {
    const NAME: &'static str = "supplier";
}

impl Resource for Supplier {
    const TABLE: &'static str = "suppliers";
    const OWNER: &'static str = "owner_id";
    const SEARCH_FIELDS: &'static [&'static str] = &["name", "email", "tax_id", "phone", "notes"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |supplier, row| row.bind(&supplier.name)),
        Field::new("email", Kind::Text, |supplier, row| row.bind(&supplier.email)),
        Field::new("phone", Kind::Text, |supplier, row| row.bind(&supplier.phone)),
        Field::new("tax_id", Kind::Text, |supplier, row| row.bind(&supplier.tax_id)),
        Field::new("website", Kind::Text, |supplier, row| row.bind(&supplier.website)),
        Field::new("payment_days", Kind::Integer, |supplier, row| row.bind(supplier.payment_days)),
        Field::new("lead_time_days", Kind::Integer, |supplier, row| row.bind(supplier.lead_time_days)),
        Field::new("rating", Kind::Integer, |supplier, row| row.bind(supplier.rating)),
        Field::required("categories", Kind::Texts, |supplier, row| row.bind(&supplier.categories)),
        Field::new("currency", Kind::Text, |supplier, row| row.bind(&supplier.currency)),
        Field::required("external_ids", Kind::Json, |supplier, row| row.bind(Json(&supplier.external_ids))),
        Field::new("street", Kind::Text, |supplier, row| row.bind(&supplier.street)),
        Field::new("city", Kind::Text, |supplier, row| row.bind(&supplier.city)),
        Field::new("region", Kind::Text, |supplier, row| row.bind(&supplier.region)),
        Field::new("postal_code", Kind::Text, |supplier, row| row.bind(&supplier.postal_code)),
        Field::new("country", Kind::Text, |supplier, row| row.bind(&supplier.country)),
        Field::member("owner_id", |supplier, row| row.bind(supplier.owner_id)),
        Field::new("notes", Kind::Text, |supplier, row| row.bind(&supplier.notes)),
    ];
    type Refusal = Rule;

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
    resource::crud::<Supplier, App>()
}
