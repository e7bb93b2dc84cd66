use axum::extract::State;
use identity::{HIDEABLE_FIELDS, STANDARD_ROLES, SUBJECTS};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Json, Known, Result};

use crate::App;

/// What there is to permit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Catalogue {
    data: Vec<Permitted>,
    /// How far a permission on records may reach: `client:read@own`; without one it reaches all.
    scopes: &'static [&'static str],
    /// The roles that every account has.
    standard_roles: Vec<Standard>,
}

/// Something that permissions are about.
#[derive(Debug, Serialize, ToSchema)]
struct Permitted {
    #[schema(example = "client")]
    resource: &'static str,
    about: &'static str,
    actions: &'static [&'static str],
    /// Whether its records have owners, so that a permission may reach only some of them.
    scoped: bool,
    /// As roles write them.
    permissions: Vec<String>,
    /// The fields of its records that a role may hide, as roles write them.
    #[schema(example = json!(["client.credit_limit"]))]
    hidden_fields: Vec<String>,
}

/// A role that every account has.
#[derive(Debug, Serialize, ToSchema)]
struct Standard {
    name: &'static str,
    priority: i32,
    permissions: &'static [&'static str],
}

/// List what there is to permit.
#[utoipa::path(get, path = "/api/v1/permissions", tag = "auth")]
pub(crate) async fn permissions(State(app): State<App>, Known(who): Known) -> Result<Json<Catalogue>> {
    app.db.admit(&who).await?; // a session that has ended is answered nowhere
    let data = SUBJECTS.iter().map(|subject| Permitted {
        resource: subject.name,
        about: subject.about,
        actions: subject.actions,
        scoped: subject.records,
        permissions: subject.actions.iter().map(|action| format!("{}:{action}", subject.name)).collect(),
        hidden_fields: hideable(subject.name),
    });
    let standard_roles = STANDARD_ROLES
        .iter()
        .map(|role| Standard { name: role.name, priority: role.priority, permissions: role.permissions })
        .collect();
    Ok(Json(Catalogue { data: data.collect(), scopes: &["own", "team"], standard_roles }))
}

fn hideable(resource: &str) -> Vec<String> {
    let of = HIDEABLE_FIELDS.iter().filter(|of| of.resource == resource);
    let names = of.flat_map(|of| of.required.iter().chain(of.optional));
    names.map(|name| format!("{resource}.{name}")).collect()
}
