//! Relations between suppliers.

use db::FromRow;
use kernel::Id;
use resource::{Field, Kind, ListParams, ListResponse, PageParams, Related, Resource, ResourceHandle};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::{Authorized, Error, Path, Query, Read, ResourceName, Result};

use super::Supplier;
use crate::{App, refusal::Rule};

/// A relation between two suppliers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupplierRelation {
    /// Supplier that the relation starts from.
    #[schema(value_type = uuid::Uuid)]
    pub from_id: Id<Supplier>,
    /// Supplier that the relation leads to.
    #[schema(value_type = uuid::Uuid)]
    pub to_id: Id<Supplier>,
    /// Kind of relation that `from_id` has to `to_id`.
    pub kind: RelationKind,
    /// Free-text notes on the relation.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
    pub notes: Option<String>,
}

/// Kinds of relations between suppliers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RelationKind {
    /// Owns the other supplier, which is a subsidiary.
    Parent,
    /// Cooperates with the other; symmetric.
    Partner,
    /// Sells the same goods as the other; symmetric.
    Alternative,
    /// Sells the products of the other.
    Distributor,
}

db::text_enum!(RelationKind);

const RULES: &[(&str, Rule)] = &[
    (
        "uq_supplier_relations_pair",
        Rule::conflict("supplier-relation-taken", "/to_id", "the two are that to one another already"),
    ),
    (
        "ck_supplier_relations_other",
        Rule::invalid("supplier-relation-to-itself", "/to_id", "a supplier is nothing to itself"),
    ),
    (
        "fk_supplier_relations_from",
        Rule::invalid("supplier-relation-from-unknown", "/from_id", "this account has no such supplier"),
    ),
    (
        "fk_supplier_relations_to",
        Rule::invalid("supplier-relation-to-unknown", "/to_id", "this account has no such supplier"),
    ),
];

impl ResourceName for SupplierRelation {
    const NAME: &'static str = "supplier_relation";
}

impl Resource for SupplierRelation {
    const TABLE: &'static str = "supplier_relations";
    const PATH: &'static str = "supplier-relations";
    const RELATIONS: &'static [Related] = &[
        Related::new::<Supplier>("from", "from_id").judging(&["kind", "to_id"]),
        Related::new::<Supplier>("to", "to_id").judging(&["kind", "from_id"]),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("from_id", Kind::Id, |relation, row| row.bind(relation.from_id)),
        Field::required("to_id", Kind::Id, |relation, row| row.bind(relation.to_id)),
        Field::required("kind", Kind::Choice(RelationKind::VARIANTS), |relation, row| {
            row.bind(relation.kind);
        }),
        Field::new("notes", Kind::Text, |relation, row| row.bind(&relation.notes)),
    ];
    type Refusal = Rule;

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

/// List the relations of a supplier.
///
/// Newest first, in both directions: relations that start from the supplier and relations that lead to it.
#[utoipa::path(get, path = "/api/v1/suppliers/{id}/relations", params(Id<Supplier>, PageParams), tag = "suppliers")]
async fn list_relations_of_supplier(
    auth: Authorized<Read, SupplierRelation>,
    Path(id): Path<Id<Supplier>>,
    Query(params): Query<PageParams>,
) -> Result<ListResponse<SupplierRelation>> {
    let view = auth.view();
    if ["from_id", "to_id"].into_iter().any(|end| view.hidden.hide(end)) {
        return Err(Error::Forbidden("supplier_relation:read with both ends".into()));
    }
    let filter = Some(format!("or(from_id[eq]:\"{id}\",to_id[eq]:\"{id}\")"));
    let params = ListParams { limit: params.limit, cursor: params.cursor, filter, ..ListParams::default() };
    let query = resource::Query::parse(&ResourceHandle::of::<SupplierRelation>(), params, &view)?;
    let mut tx = auth.begin_read_only().await?;
    resource::find(&mut tx, id).await?;
    let page = query.page(&mut tx).await?;
    ListResponse::new(&mut tx, page, query.into_projection()).await
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<SupplierRelation, App>().routes(routes!(list_relations_of_supplier))
}
