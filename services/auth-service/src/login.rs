use axum::extract::State;
use db::{LookUp, Reason, ScopedWrite};
use identity::Verdict;
use kernel::{AccountId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use crate::{
    App, AuthRefusal,
    factor::{At, Attempt},
    sessions::{
        Tokens,
        device::Device,
        hashing_failed, open_session,
        person::{PersonToken, Shown, open_person_session},
    },
    throttle::{CountedLogin, Of},
};

/// Somebody who says who they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// As they registered.
    #[serde(deserialize_with = "web::trimmed")]
    #[validate(length(min = 1, max = 254), custom(function = "web::ascii"))]
    #[schema(example = "ana@acme.test")]
    email: String,
    /// Theirs.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password, example = "correct-horse-battery")]
    password: SecretString,
    /// The slug of the account to work in; the one they used last, if not said.
    #[validate(length(min = 1, max = 48))]
    #[schema(example = "acme-ltd")]
    account: Option<String>,
    /// What their authenticator app shows, or a recovery code; asked of whoever has a second factor.
    #[serde(default, deserialize_with = "crate::form::some_secret")]
    #[schema(value_type = Option<String>, example = "287082")]
    code: Option<SecretString>,
}

/// What a login gives: a session in an account, or, to a person who is an active member of none, a token for themselves.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum LoggedIn {
    Inside(Tokens),
    Outside(PersonToken),
}

#[derive(FromRow)]
struct Found {
    user_id: UserId,
    password_hash: String,
    user_status: String,
    account_id: Option<AccountId>,
    is_outside: bool,
}

/// A person whose password was right.
struct Proven {
    user: UserId,
    /// Where they come in; none: they are an active member of no account.
    account: Option<AccountId>,
    hash: String,
    /// In place of a hash of weaker parameters.
    stronger: Option<String>,
    counted: CountedLogin,
}

const LOOK_UP: LookUp = LookUp::new(
    "select user_id, password_hash, user_status, account_id, is_outside from app.find_login($1, $2)",
);
const REHASH: LookUp = LookUp::new("select from app.replace_password_hash($1)");
const USED: ScopedWrite = ScopedWrite::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Log in.
///
/// 401 `second-factor-required` means that all is right so far: send the same again, with a `code`. A person who is an active
/// member of no account gets a token without a refresh token: with it they accept an invitation, or open an account.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()))]
pub(crate) async fn login(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(login): Json<Login>,
) -> Result<Json<LoggedIn>> {
    let code = login.code.clone();
    let Proven { user, account, hash, stronger, counted } = prove(&app, request, &device, login).await?;
    let factor = Attempt::count(&app, user, code).await?;
    let inside = account.unwrap_or_else(|| Uuid::nil().into());
    #[expect(
        clippy::disallowed_methods,
        reason = "the password has just been verified; nobody has a token yet"
    )]
    let mut tx = app.db.system_inside(Reason::SignIn, inside, user, request.0).await?;
    factor.pass(&app, &mut tx, At::Login).await?;
    if let Some(hash) = &stronger {
        tx.look_up::<()>(REHASH).bind(hash).run().await?;
    }
    counted.forgive(&mut tx).await?;
    let answer = if let Some(account) = account {
        tx.write_unnoted::<()>(USED).bind(user).run().await?;
        LoggedIn::Inside(open_session(&app, &mut tx, account, user, &device).await?)
    } else {
        let shown = Shown::Password(stronger.as_deref().unwrap_or(&hash));
        LoggedIn::Outside(open_person_session(&app, &mut tx, user, shown).await?)
    };
    tx.commit().await?;
    Ok(Json(answer))
}

/// Holds the password against the one that is kept. Whoever it is, and whatever is wrong, it takes as long.
async fn prove(app: &App, request: RequestId, device: &Device, login: Login) -> Result<Proven> {
    let holders = app.throttle.holders(&[Of::Login(&login.email), Of::From(device.address)]);
    // First of all, so that the surplus of a storm asks nothing of the database.
    let place = app.hasher.place(&holders).map_err(hashing_failed)?;
    let counted = app.throttle.count_login(app, &login.email, device.address).await?;
    // The connection goes back before the hashing: that takes a thousand times as long.
    let found = look_up(app, &login).await?;
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let verdict = place.verify(login.password.clone(), stored).await.map_err(hashing_failed)?;
    let is_right = |found: &Found| {
        verdict != Verdict::Wrong
            && found.user_status == "active"
            && (found.account_id.is_some() || found.is_outside)
    };
    let Found { user_id: user, password_hash: hash, account_id: account, .. } = match found {
        Some(found) if is_right(&found) => found,
        wrong => {
            if let Some((user, account)) = wrong.and_then(|found| Some((found.user_id, found.account_id?))) {
                app.failed.note(account, user, request.0, device.clone());
            }
            return Err(AuthRefusal::LoginFailed.into());
        }
    };
    let stronger = match verdict {
        Verdict::RightButOutdated => {
            let place = app.hasher.place(&holders).map_err(hashing_failed)?;
            Some(place.hash(login.password).await.map_err(hashing_failed)?)
        }
        Verdict::Right | Verdict::Wrong => None,
    };
    Ok(Proven { user, account, hash, stronger, counted })
}

async fn look_up(app: &App, login: &Login) -> Result<Option<Found>> {
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.system(Reason::SignIn).await?;
    let found = tx.ask(LOOK_UP, |row| {
        row.put(&login.email);
        row.put(&login.account);
    });
    Ok(found.await?)
}
