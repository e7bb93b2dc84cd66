use db::{Change, FromRow, SessionRevocation, TenantCommand, TenantQuery, TenantTx};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use validator::Validate;
use web::{Authorized, Error, IfMatch, MergePatch, Read, Redacted, Result, WithETag, Write};

use super::Rules;
use crate::{
    factor::{self, FactorRefusal},
    sessions::require_recent_login,
};

/// The account and its security policy.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// Name of the account's company.
    #[validate(length(min = 1, max = 200), custom(function = "web::single_line"))]
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Whether members must have a second factor. Members without one can log in, but only to add one.
    require_second_factor: bool,
    /// Idle timeout: minutes without a refresh after which a session ends (15 minutes to 30 days).
    #[validate(range(min = 15, max = 43_200))]
    #[schema(minimum = 15, maximum = 43_200)]
    session_idle_minutes: i32,
    /// Absolute lifetime of a session in hours (an hour to a year). Applies to sessions opened after the change.
    #[validate(range(min = 1, max = 8_760))]
    #[schema(minimum = 1, maximum = 8_760)]
    session_hours: i32,
}

/// A merge patch of the account, for the API document.
pub(crate) struct AccountPatch;

impl PartialSchema for AccountPatch {
    fn schema() -> RefOr<Schema> {
        resource::patch_schema(Account::schema())
    }
}

impl ToSchema for AccountPatch {}

#[derive(FromRow)]
struct Versioned {
    #[column(flatten)]
    account: Account,
    version: i64,
}

const FIND: TenantQuery = TenantQuery::new(
    "select name, require_second_factor, session_idle_minutes, session_hours, version from app.accounts where account_id = $1",
);
const CHANGE: TenantCommand = TenantCommand::new(
    "update app.accounts set name = $3, require_second_factor = $4, session_idle_minutes = $5, session_hours = $6,
            version = version + 1, updated_at = now(), updated_by = $7
     where account_id = $1 and version = $2",
);
/// Forces a refresh of all access tokens, so that members without a second factor lose their rights at once.
const RENEW_ALL: SessionRevocation = SessionRevocation::new(
    "update app.sessions set epoch = epoch + 1 where account_id = $1 and revoked_at is null returning id, epoch, revoked_at",
);

/// Get the account and its security policy.
#[utoipa::path(get, path = "/api/v1/account", tag = "account")]
pub(crate) async fn get_account(auth: Authorized<Read, Rules>) -> Result<WithETag<Account>> {
    let mut tx = auth.begin_read_only().await?;
    let Versioned { account, version } = find(&mut tx).await?;
    Ok(WithETag(version, account))
}

/// Update the account's name and security policy.
///
/// Needs a recent login: see `POST /api/v1/auth/step-up`. Requiring a second factor is possible only with a second
/// factor of one's own.
#[utoipa::path(patch, path = "/api/v1/account", params(IfMatch), tag = "account",
    request_body(content = ref("#/components/schemas/AccountPatch"), content_type = "application/merge-patch+json"))]
pub(crate) async fn update_account(
    auth: Authorized<Write, Rules>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<WithETag<Redacted<Account>>> {
    let mut tx = auth.begin().await?;
    require_recent_login(&mut tx, auth.who()).await?;
    let Versioned { account: before, version } = find(&mut tx).await?;
    let stale = |now: Account| Ok::<_, Error>(Error::Stale("account", Some(auth.shown(now)?.into_json()?)));
    if if_match != version {
        return Err(stale(before)?);
    }
    let after: Account = patch.apply_to(&before)?;
    let switched_on = after.require_second_factor && !before.require_second_factor;
    if switched_on && !factor::is_on(&mut tx).await? {
        return Err(FactorRefusal::OwnFirst.into());
    }
    let value = |account: &Account| serde_json::to_value(account).unwrap_or_default(); // plain fields
    let id = auth.who().account().into();
    let change = Change::new("auth.account.changed", "account", id, "changed").at(version + 1);
    let change = change.from(value(&before)).with(value(&after));
    let statement = tx.execute_audited::<()>(CHANGE, change).bind(version).bind(&after.name);
    let statement = statement.bind(after.require_second_factor).bind(after.session_idle_minutes);
    if statement.bind(after.session_hours).bind(auth.who().user()).run().await? == 0 {
        return Err(stale(before)?); // changed between read and write
    }
    if switched_on {
        tx.revoke_sessions(RENEW_ALL).run().await?;
    }
    tx.commit().await?;
    Ok(WithETag(version + 1, auth.shown(after)?))
}

async fn find(tx: &mut TenantTx) -> Result<Versioned> {
    tx.read::<Versioned>(FIND).optional().await?.ok_or(Error::Unauthenticated)
}
