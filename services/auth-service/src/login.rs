use axum::extract::State;
use db::{FromRow, LookupFunction, Reason, TenantCommand};
use identity::{HashError, HashSlot, Verdict};
use kernel::{AccountId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Json, RequestId, Result};

use crate::{
    App, AuthRefusal,
    device::Device,
    factor::{Challenge, FactorAttempt},
    hashing::hashing_failed,
    sessions::{
        TokenPair, open_session,
        person::{Credentials, PersonToken, open_person_session},
    },
    throttle::{AttemptKey, CountedLogin},
};

/// Request body of a login.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// E-mail address that the user registered with.
    #[serde(deserialize_with = "web::trimmed")]
    #[validate(length(min = 1, max = 254), custom(function = "web::ascii_only"))]
    #[schema(example = "ana@acme.test", min_length = 1, max_length = 254)]
    email: String,
    /// Current password of the user.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, example = "correct-horse-battery", max_length = 4096)]
    password: SecretString,
    /// Slug of the account to log in to; by default the one used last.
    #[validate(length(min = 1, max = 48))]
    #[schema(example = "acme-ltd", min_length = 1, max_length = 48)]
    account: Option<String>,
    /// Code of the authenticator app, or a recovery code; required if the user has a second factor.
    #[serde(default, deserialize_with = "crate::validators::some_secret")]
    #[schema(value_type = Option<String>, example = "287082", max_length = 4096)]
    code: Option<SecretString>,
}

/// Result of a login: a session in an account, or a person token if the user is an active member of no account.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum LoginResponse {
    Inside(TokenPair),
    Outside(PersonToken),
}

#[derive(FromRow)]
struct LoginRow {
    user_id: UserId,
    password_hash: String,
    user_status: String,
    account_id: Option<AccountId>,
    is_outside: bool,
}

/// A user whose password was verified.
struct ProvenUser {
    user: UserId,
    /// Account to log in to; `None` if the user is an active member of no account.
    account: Option<AccountId>,
    hash: String,
    /// New hash, if the stored one has weaker parameters.
    stronger: Option<String>,
    counted: CountedLogin,
}

const LOOK_UP: LookupFunction = LookupFunction::new(
    "select user_id, password_hash, user_status, account_id, is_outside from app.find_login($1, $2)",
);
const REHASH: LookupFunction = LookupFunction::new("select from app.replace_password_hash($1)");
const USED: TenantCommand = TenantCommand::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Log in.
///
/// 401 `second-factor-required` means that the password was right: repeat the request with a `code`. A person who is an
/// active member of no account gets a person token without a refresh token. With it they accept an invitation or open
/// an account.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()))]
pub(crate) async fn login(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(login): Json<LoginRequest>,
) -> Result<Json<LoginResponse>> {
    let code = login.code.clone();
    let ProvenUser { user, account, hash, stronger, counted } = prove(&app, request, &device, login).await?;
    let factor = FactorAttempt::count(&app, user, code).await?;
    let inside = account.unwrap_or_else(|| Uuid::nil().into());
    #[expect(
        clippy::disallowed_methods,
        reason = "the password has just been verified; nobody has a token yet"
    )]
    let mut tx = app.db.begin_as(Reason::SignIn, inside, user, request.0).await?;
    factor.pass(&app, &mut tx, Challenge::Login).await?;
    if let Some(hash) = &stronger {
        tx.look_up::<()>(REHASH).bind(hash).run().await?;
    }
    counted.reset(&mut tx).await?;
    let answer = if let Some(account) = account {
        tx.execute_untracked::<()>(USED).bind(user).run().await?;
        LoginResponse::Inside(open_session(&app, &mut tx, account, user, &device).await?)
    } else {
        let shown = Credentials::Password(stronger.as_deref().unwrap_or(&hash));
        LoginResponse::Outside(open_person_session(&app, &mut tx, user, shown).await?)
    };
    tx.commit().await?;
    Ok(Json(answer))
}

/// Verifies the password. It takes equally long for unknown users and for every failure (prevents user enumeration).
async fn prove(app: &App, request: RequestId, device: &Device, login: LoginRequest) -> Result<ProvenUser> {
    let holders = app.throttle.holders(&[AttemptKey::Login(&login.email), AttemptKey::From(device.address)]);
    let place = reserve(app, device, &login, &holders).await?;
    let counted = app.throttle.count_login(&app.db, &login.email, device.address).await?;
    let place = if counted.is_known { place.of_known() } else { place };
    // The connection is returned to the pool before hashing, which takes a thousand times as long.
    let found = look_up(app, &login).await?;
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let verdict = place.verify(login.password.clone(), stored).await.map_err(hashing_failed)?;
    let is_right = |found: &LoginRow| {
        verdict != Verdict::Wrong
            && found.user_status == "active"
            && (found.account_id.is_some() || found.is_outside)
    };
    let LoginRow { user_id: user, password_hash: hash, account_id: account, .. } = match found {
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
            match app.hasher.reserve(&holders) {
                Ok(place) => Some(place.hash(login.password).await.map_err(hashing_failed)?),
                Err(HashError::Busy | HashError::ShareTaken) => None, // the next login makes it stronger
                Err(error) => return Err(hashing_failed(error)),
            }
        }
        Verdict::Right | Verdict::Wrong => None,
    };
    Ok(ProvenUser { user, account, hash, stronger, counted })
}

/// Reserves a hashing slot first, so that excess load is rejected before it costs the database more than one lookup: whether
/// the user is a known one, for whom there is a slot in a full queue.
async fn reserve(app: &App, device: &Device, login: &LoginRequest, holders: &[Vec<u8>]) -> Result<HashSlot> {
    match app.hasher.reserve(holders) {
        Err(HashError::Busy | HashError::ShareTaken)
            if app.throttle.is_known(&app.db, &login.email, device.address).await =>
        {
            app.hasher.reserve_for_known(holders).map_err(hashing_failed)
        }
        place => place.map_err(hashing_failed),
    }
}

async fn look_up(app: &App, login: &LoginRequest) -> Result<Option<LoginRow>> {
    #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
    let mut tx = app.db.begin_unscoped(Reason::SignIn).await?;
    let found = tx.ask(LOOK_UP, |row| {
        row.bind(&login.email);
        row.bind(&login.account);
    });
    Ok(found.await?)
}
