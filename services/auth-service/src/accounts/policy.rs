use db::{Change, Ending, Scoped, ScopedWrite, TenantTx};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use validator::Validate;
use web::{Error, IfMatch, Marked, May, Patch, Read, Result, Shown, Write};

use super::Rules;
use crate::{
    factor::{self, FactorRefusal},
    sessions::fresh,
};

/// The account, and its rules.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// The company's.
    #[validate(length(min = 1, max = 200), custom(function = "web::one_line"))]
    name: String,
    /// Whether its members must have a second factor. Whoever has none can log in, and do nothing but add one.
    require_second_factor: bool,
    /// After how many minutes without a refresh a session ends: 15 minutes to 30 days.
    #[validate(range(min = 15, max = 43_200))]
    session_idle_minutes: i32,
    /// After how many hours a session ends in any case: an hour to a year. Holds for sessions opened from then on.
    #[validate(range(min = 1, max = 8_760))]
    session_hours: i32,
}

#[derive(FromRow)]
struct Versioned {
    #[sqlx(flatten)]
    account: Account,
    version: i64,
}

const FIND: Scoped = Scoped::new(
    "select name, require_second_factor, session_idle_minutes, session_hours, version from app.accounts where account_id = $1",
);
const CHANGE: ScopedWrite = ScopedWrite::new(
    "update app.accounts set name = $3, require_second_factor = $4, session_idle_minutes = $5, session_hours = $6,
            version = version + 1, updated_at = now(), updated_by = $7
     where account_id = $1 and version = $2",
);
/// Whoever has no second factor must not go on with what they have.
const RENEW_ALL: Ending = Ending::new(
    "update app.sessions set epoch = epoch + 1 where account_id = $1 and revoked_at is null returning id, epoch, revoked_at",
);

/// Tell the rules of the account.
#[utoipa::path(get, path = "/api/v1/account", tag = "account")]
pub(crate) async fn account(may: May<Read, Rules>) -> Result<Marked<Account>> {
    let mut tx = may.begin_reading().await?;
    let Versioned { account, version } = find(&mut tx).await?;
    Ok(Marked(version, account))
}

/// Change the account's name and rules.
///
/// Needs a fresh session: see `POST /api/v1/auth/step-up`. Whoever requires a second factor must have one.
#[utoipa::path(patch, path = "/api/v1/account", params(IfMatch), tag = "account",
    request_body(content = Account, content_type = "application/merge-patch+json"))]
pub(crate) async fn change_account(
    may: May<Write, Rules>,
    seen: IfMatch,
    patch: Patch,
) -> Result<Marked<Shown<Account>>> {
    let mut tx = may.begin().await?;
    fresh(&mut tx, may.who()).await?;
    let Versioned { account: before, version } = find(&mut tx).await?;
    let stale = |now: Account| Ok::<_, Error>(Error::Stale("account", Some(may.shown(now)?.into_json()?)));
    if seen != version {
        return Err(stale(before)?);
    }
    let after: Account = patch.onto(&before)?;
    let switched_on = after.require_second_factor && !before.require_second_factor;
    if switched_on && !factor::is_on(&mut tx).await? {
        return Err(FactorRefusal::OwnFirst.into());
    }
    let value = |account: &Account| serde_json::to_value(account).unwrap_or_default(); // plain fields
    let id = may.who().account().into();
    let change = Change::new("auth.account.changed", "account", id, "changed").at(version + 1);
    let change = change.from(value(&before)).with(value(&after));
    let statement = tx.write_noted::<()>(CHANGE, change).bind(version).bind(&after.name);
    let statement = statement.bind(after.require_second_factor).bind(after.session_idle_minutes);
    if statement.bind(after.session_hours).bind(may.who().user()).run().await? == 0 {
        return Err(stale(before)?); // between our reading and our writing
    }
    if switched_on {
        tx.end_sessions(RENEW_ALL).run().await?;
    }
    tx.commit().await?;
    Ok(Marked(version + 1, may.shown(after)?))
}

async fn find(tx: &mut TenantTx) -> Result<Versioned> {
    tx.read::<Versioned>(FIND).optional().await?.ok_or(Error::Unauthenticated)
}
