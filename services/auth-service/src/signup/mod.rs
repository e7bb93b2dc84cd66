//! How a person and their company come in: they sign up, get a letter, and confirm.

pub(crate) mod confirm;
pub(crate) mod register;
pub(crate) mod settle;

use db::LookUp;
use kernel::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// A letter is on its way, to whoever has that address. The answer is the same whether we know them or not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sent {
    /// The address.
    sent_to: String,
}

impl Sent {
    pub(crate) fn to(address: &str) -> web::Accepted<Self> {
        web::Accepted(Self { sent_to: address.to_owned() })
    }
}

const ADD_USER: LookUp = LookUp::new("select from app.add_user($1, $2, $3, $4)");

/// A person, as they become a user.
pub(crate) struct Person<'p> {
    pub(crate) email: &'p str,
    pub(crate) name: &'p str,
    pub(crate) password_hash: &'p str,
}

impl Person<'_> {
    /// Makes them a user; the constraint `uq_users_email` refuses an address that somebody has.
    pub(crate) async fn add(&self, tx: &mut db::SystemTx) -> db::Result<UserId> {
        let user = UserId::new();
        tx.ask::<Nothing>(ADD_USER, |row| {
            row.put(user);
            row.put(self.email);
            row.put(self.name);
            row.put(self.password_hash);
        })
        .await?;
        Ok(user)
    }
}

/// A row without columns.
#[derive(sqlx::FromRow)]
pub(crate) struct Nothing {}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(register::resend_confirmation))
        .routes(routes!(confirm::confirm_registration))
}
