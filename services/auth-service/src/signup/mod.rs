//! Registration of a user and their company: register, receive an e-mail, confirm.

pub(crate) mod confirm;
pub(crate) mod create_owner;
pub(crate) mod register;

use db::LookupFunction;
use kernel::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// An e-mail was sent if the address qualifies. The response does not reveal whether it did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmailSent {
    /// Address that the request named.
    sent_to: String,
}

impl EmailSent {
    pub(crate) fn to(address: &str) -> web::Accepted<Self> {
        web::Accepted(Self { sent_to: address.to_owned() })
    }
}

const ADD_USER: LookupFunction = LookupFunction::new("select from app.add_user($1, $2, $3, $4)");

/// Data of a user to be created.
pub(crate) struct NewUser<'p> {
    pub(crate) email: &'p str,
    pub(crate) name: &'p str,
    pub(crate) password_hash: &'p str,
}

impl NewUser<'_> {
    /// Creates the user; the constraint `uq_users_email` rejects a taken address.
    pub(crate) async fn add(&self, tx: &mut db::SystemTx) -> db::Result<UserId> {
        let user = UserId::new();
        tx.ask::<EmptyRow>(ADD_USER, |row| {
            row.bind(user);
            row.bind(self.email);
            row.bind(self.name);
            row.bind(self.password_hash);
        })
        .await?;
        Ok(user)
    }
}

/// A result row without columns, of a function that returns nothing.
#[derive(sqlx::FromRow)]
pub(crate) struct EmptyRow {}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(register::resend_confirmation))
        .routes(routes!(confirm::confirm_registration))
}
