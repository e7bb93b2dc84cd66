//! Suppliers: the businesses an account buys from, and what they are to one another.

mod relations;

use std::collections::BTreeMap;

use db::{Field, Kind, Resource, TenantTx};
use kernel::{Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, types::Json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;

use crate::{App, form, rule::Rule, subjects};
pub use relations::{RelationKind, SupplierRelation};

/// What an account keeps about a supplier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Supplier {
    /// As it stands on its bills.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Acme Ltd.")]
    pub name: String,
    /// Where it is written to.
    #[validate(email, length(max = 254))]
    pub email: Option<String>,
    /// As it is dialled.
    #[validate(length(min = 1, max = 50))]
    pub phone: Option<String>,
    /// Given by the tax office; no two suppliers share one.
    #[validate(length(min = 1, max = 32))]
    pub tax_id: Option<String>,
    /// Its address on the web.
    #[validate(url, length(max = 500), custom(function = "web::web_address"))]
    pub website: Option<String>,
    /// Days it gives us to pay.
    #[validate(range(min = 0, max = 365))]
    pub payment_days: Option<i32>,
    /// Days from an order until the goods are here.
    #[validate(range(min = 0, max = 3650))]
    pub lead_time_days: Option<i32>,
    /// How good a supplier it is.
    #[validate(range(min = 0, max = 5))]
    pub rating: Option<i32>,
    /// What it sells.
    #[serde(default)]
    #[validate(custom(function = "form::words"))]
    pub categories: Vec<String>,
    /// In which it bills, as ISO 4217 writes it.
    #[validate(custom(function = "form::iso_4217"))]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// What other systems call it, by the name of the system.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(custom(function = "form::external_ids"))]
    pub external_ids: BTreeMap<String, String>,
    /// Where it is: street and number.
    #[validate(length(min = 1, max = 200))]
    pub street: Option<String>,
    /// Where it is: city.
    #[validate(length(min = 1, max = 100))]
    pub city: Option<String>,
    /// Where it is: state, province or county.
    #[validate(length(min = 1, max = 100))]
    pub region: Option<String>,
    /// Where it is: postal code.
    #[validate(length(min = 1, max = 20))]
    pub postal_code: Option<String>,
    /// Where it is: country.
    #[validate(length(min = 1, max = 100))]
    pub country: Option<String>,
    /// The member of the account who looks after it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub owner_id: Option<UserId>,
    /// Anything else.
    #[validate(length(min = 1, max = 10_000))]
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

impl Resource for Supplier {
    const NAME: &'static str = "supplier";
    const PLURAL: &'static str = "suppliers";
    const OWNER: &'static str = "owner_id";
    const SEARCHED: &'static [&'static str] = &["name", "email", "tax_id", "phone", "notes"];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |supplier, row| row.put(&supplier.name)),
        Field::new("email", Kind::Text, |supplier, row| row.put(&supplier.email)),
        Field::new("phone", Kind::Text, |supplier, row| row.put(&supplier.phone)),
        Field::new("tax_id", Kind::Text, |supplier, row| row.put(&supplier.tax_id)),
        Field::new("website", Kind::Text, |supplier, row| row.put(&supplier.website)),
        Field::new("payment_days", Kind::Integer, |supplier, row| row.put(supplier.payment_days)),
        Field::new("lead_time_days", Kind::Integer, |supplier, row| row.put(supplier.lead_time_days)),
        Field::new("rating", Kind::Integer, |supplier, row| row.put(supplier.rating)),
        Field::required("categories", Kind::Texts, |supplier, row| row.put(&supplier.categories)),
        Field::new("currency", Kind::Text, |supplier, row| row.put(&supplier.currency)),
        Field::required("external_ids", Kind::Json, |supplier, row| row.put(Json(&supplier.external_ids))),
        Field::new("street", Kind::Text, |supplier, row| row.put(&supplier.street)),
        Field::new("city", Kind::Text, |supplier, row| row.put(&supplier.city)),
        Field::new("region", Kind::Text, |supplier, row| row.put(&supplier.region)),
        Field::new("postal_code", Kind::Text, |supplier, row| row.put(&supplier.postal_code)),
        Field::new("country", Kind::Text, |supplier, row| row.put(&supplier.country)),
        Field::new("owner_id", Kind::Id, |supplier, row| row.put(supplier.owner_id)),
        Field::new("notes", Kind::Text, |supplier, row| row.put(&supplier.notes)),
    ];
    type Refusal = Rule;

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
    web::crud::<Supplier, App>().merge(subjects::router::<Supplier>()).merge(relations::router())
}
