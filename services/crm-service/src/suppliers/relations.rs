//! What suppliers are to one another.

use db::{Asked, Field, Kind, Paging, Related, Resource};
use kernel::Id;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use validator::Validate;
use web::{Error, Listed, May, Path, Query, Read, Result};

use super::Supplier;
use crate::{App, rule::Rule};

/// What one supplier is to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupplierRelation {
    /// The one.
    #[schema(value_type = uuid::Uuid)]
    pub from_id: Id<Supplier>,
    /// The other.
    #[schema(value_type = uuid::Uuid)]
    pub to_id: Id<Supplier>,
    /// What the one is to the other.
    pub kind: RelationKind,
    /// Anything else.
    #[validate(length(min = 1, max = 10_000))]
    pub notes: Option<String>,
}

/// What a supplier is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum RelationKind {
    /// Owns it: the other is a subsidiary.
    Parent,
    /// Works with it, and the other way round.
    Partner,
    /// Sells what it sells, and the other way round.
    Alternative,
    /// Sells what the other makes.
    Distributor,
}

impl RelationKind {
    const WORDS: &'static [&'static str] = &["parent", "partner", "alternative", "distributor"];
}

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

impl Resource for SupplierRelation {
    const NAME: &'static str = "supplier_relation";
    const PLURAL: &'static str = "supplier_relations";
    const PATH: &'static str = "supplier-relations";
    const RELATED: &'static [Related] = &[
        Related::to::<Supplier>("from", "from_id").judging(&["kind", "to_id"]),
        Related::to::<Supplier>("to", "to_id").judging(&["kind", "from_id"]),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("from_id", Kind::Id, |relation, row| row.put(relation.from_id)),
        Field::required("to_id", Kind::Id, |relation, row| row.put(relation.to_id)),
        Field::required("kind", Kind::Choice(RelationKind::WORDS), |relation, row| row.put(relation.kind)),
        Field::new("notes", Kind::Text, |relation, row| row.put(&relation.notes)),
    ];
    type Refusal = Rule;

    fn constraint(name: &str) -> Option<Rule> {
        Rule::of(RULES, name)
    }
}

/// Tell what a supplier is to others, and others to it.
///
/// Newest first: those in which it is the one, and those in which it is the other.
#[utoipa::path(get, path = "/api/v1/suppliers/{id}/relations", params(Id<Supplier>, Paging), tag = "suppliers")]
async fn relations_of_supplier(
    may: May<Read, SupplierRelation>,
    Path(id): Path<Id<Supplier>>,
    Query(asked): Query<Paging>,
) -> Result<Listed<SupplierRelation>> {
    let view = may.view();
    if ["from_id", "to_id"].into_iter().any(|end| view.hidden.hide(end)) {
        return Err(Error::Forbidden("supplier_relation:read with both ends".into()));
    }
    let filter = Some(format!("or(from_id[eq]:\"{id}\",to_id[eq]:\"{id}\")"));
    let asked = Asked { limit: asked.limit, cursor: asked.cursor, filter, ..Asked::default() };
    let query = db::Query::understand(asked, &view)?;
    let mut tx = may.begin_reading().await?;
    db::find(&mut tx, id).await?;
    let page = db::list(&mut tx, &query).await?;
    let dress = query.dress();
    let shown = if dress.is_plain() { None } else { Some(dress.put_on(&mut tx, &page.data).await?) };
    Ok(Listed::shown(page, shown))
}

pub(super) fn router() -> OpenApiRouter<App> {
    web::crud::<SupplierRelation, App>().routes(routes!(relations_of_supplier))
}
