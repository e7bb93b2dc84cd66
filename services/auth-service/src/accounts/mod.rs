//! Accounts: the companies of a user, and the settings of the current one.

mod create;
mod leave;
mod list;
mod open;
mod policy;
mod switch;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub(crate) use create::create_account_for;
pub(crate) use list::AccountMembershipList;
use open::initialize_account;
pub(crate) use policy::{Account, AccountPatch};

/// Resource of the permissions `account:read` and `account:write`.
#[derive(Debug)]
pub(crate) enum Rules {}

impl web::ResourceName for Rules {
    const NAME: &'static str = "account";
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_my_accounts, create::create_account))
        .routes(routes!(switch::switch_account))
        .routes(routes!(leave::leave_account))
        .routes(routes!(policy::get_account, policy::update_account))
}
