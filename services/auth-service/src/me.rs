use axum::extract::State;
use db::{LookUp, Scoped};
use identity::{Identity, Principal};
use kernel::{AccountId, UserId};
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use web::{AnyCaller, Error, Json, Result};

use crate::{App, sessions::person::Outside};

/// Who the caller is, and where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    user: Person,
    /// `null`: the token is of a person who is a member of no account.
    account: Option<AccountSummary>,
    /// The names of their roles in the account.
    roles: Vec<String>,
    /// What those allow.
    permissions: Vec<String>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
struct Person {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: String,
    display_name: String,
}

/// The account they work in.
#[derive(Debug, Serialize, ToSchema)]
struct AccountSummary {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    slug: String,
    name: String,
    plan: String,
}

#[derive(Debug, FromRow)]
struct Whoami {
    email: String,
    display_name: String,
    slug: String,
    plan: String,
}

const WHOAMI: LookUp = LookUp::new("select email, display_name, slug, plan from app.whoami()");
const NAME: Scoped = Scoped::new("select name from app.accounts where account_id = $1");

/// Tell who I am.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn me(State(app): State<App>, AnyCaller(caller): AnyCaller) -> Result<Json<Me>> {
    Ok(Json(match caller {
        Identity::Member(who) => inside(&app, &who).await?,
        Identity::Person(person) => outside(&app, &person).await?,
    }))
}

async fn inside(app: &App, who: &Principal) -> Result<Me> {
    let mut tx = app.db.begin_reading(who).await?;
    let Whoami { email, display_name, slug, plan } =
        tx.look_up::<Whoami>(WHOAMI).optional().await?.ok_or(Error::Unauthenticated)?;
    let (name,) = tx.read::<(String,)>(NAME).optional().await?.ok_or(Error::Unauthenticated)?;
    Ok(Me {
        user: Person { id: who.user(), email, display_name },
        account: Some(AccountSummary { id: who.account(), slug, name, plan }),
        roles: who.roles().to_vec(),
        permissions: who.permissions().to_texts(),
    })
}

async fn outside(app: &App, person: &identity::Person) -> Result<Me> {
    let (_, Outside { email, display_name, .. }) = Outside::begin(app, person).await?;
    let user = Person { id: person.user(), email, display_name };
    Ok(Me { user, account: None, roles: Vec::new(), permissions: Vec::new() })
}
