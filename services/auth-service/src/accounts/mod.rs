//! Accounts: the companies that a person works in, and the rules of the one that they are in.

mod create;
mod leave;
mod list;
mod open;
mod policy;
mod switch;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(crate) use create::found;
pub(crate) use list::{Places, is_of_provider};
use open::open;
pub(crate) use policy::Account;

/// The permissions `account:read` and `account:write`.
#[derive(Debug)]
pub(crate) enum Rules {}

impl web::Subject for Rules {
    const NAME: &'static str = "account";
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::my_accounts, create::create_account))
        .routes(routes!(switch::switch_account))
        .routes(routes!(leave::leave_account))
        .routes(routes!(policy::account, policy::change_account))
}
