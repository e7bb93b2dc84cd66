use axum::extract::State;
use db::{FromRow, TenantQuery};
use identity::{Identity, Principal};
use kernel::{AccountId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{AnyPrincipal, Error, Json, Result};

use crate::{App, sessions::person::UserSession};

/// The authenticated user and the account of the session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrentUser {
    user: Person,
    /// Current account; `null` if the token belongs to a person who is a member of no account.
    account: Option<AccountSummary>,
    /// Names of the user's roles in the account.
    roles: Vec<String>,
    /// Permissions that the roles grant.
    permissions: Vec<String>,
}

/// Identity of the user, shared by all accounts.
#[derive(Debug, Serialize, ToSchema)]
struct Person {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: String,
    display_name: String,
}

/// The account that the access token is for.
#[derive(Debug, Serialize, ToSchema)]
struct AccountSummary {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    slug: String,
    name: String,
    plan: String,
}

#[derive(Debug, FromRow)]
struct CurrentIdentity {
    email: String,
    display_name: String,
    slug: String,
    plan: String,
    name: String,
}

/// One statement, because each takes a round trip and a check of the session.
const CURRENT: TenantQuery = TenantQuery::new(
    "select w.email, w.display_name, w.slug, w.plan, a.name from app.whoami() w, app.accounts a where a.account_id = $1",
);

/// Get the current user.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn get_me(
    State(app): State<App>,
    AnyPrincipal(caller): AnyPrincipal,
) -> Result<Json<CurrentUser>> {
    Ok(Json(match caller {
        Identity::Member(who) => inside(&app, &who).await?,
        Identity::Person(person) => outside(&app, &person).await?,
    }))
}

async fn inside(app: &App, who: &Principal) -> Result<CurrentUser> {
    let mut tx = app.db.begin_read_only(who).await?;
    let CurrentIdentity { email, display_name, slug, plan, name } =
        tx.read(CURRENT).optional().await?.ok_or(Error::Unauthenticated)?;
    Ok(CurrentUser {
        user: Person { id: who.user(), email, display_name },
        account: Some(AccountSummary { id: who.account(), slug, name, plan }),
        roles: who.roles().to_vec(),
        permissions: who.permissions().to_texts(),
    })
}

async fn outside(app: &App, person: &identity::Person) -> Result<CurrentUser> {
    let (_, UserSession { email, display_name, .. }) = UserSession::begin(app, person).await?;
    let user = Person { id: person.user(), email, display_name };
    Ok(CurrentUser { user, account: None, roles: Vec::new(), permissions: Vec::new() })
}
