use axum::extract::State;
use db::{LookUp, Reason, ScopedWrite};
use identity::Verdict;
use kernel::{AccountId, UserId};
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use validator::Validate;
use web::{Json, RequestId, Result};

use crate::{
    App, AuthRefusal,
    factor::{At, Attempt},
    sessions::{Tokens, device::Device, hashing_failed, open_session},
    throttle::Of,
};

/// Somebody who says who they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// As they registered.
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

#[derive(FromRow)]
struct Found {
    user_id: UserId,
    password_hash: String,
    user_status: String,
    account_id: Option<AccountId>,
}

const LOOK_UP: LookUp =
    LookUp::new("select user_id, password_hash, user_status, account_id from app.login_lookup($1, $2)");
const REHASH: LookUp = LookUp::new("select from app.replace_password_hash($1)");
const USED: ScopedWrite = ScopedWrite::new(
    "update app.memberships set last_used_at = now() where account_id = $1 and user_id = $2",
);

/// Log in.
///
/// 401 `second-factor-required` means that all is right so far: send the same again, with a `code`.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()))]
pub(crate) async fn login(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(login): Json<Login>,
) -> Result<Json<Tokens>> {
    // First of all, so that the surplus of a storm asks nothing of the database.
    let place = app.hasher.place().map_err(hashing_failed)?;
    let counted = app.throttle.count(&app, &[Of::Login(&login.email), Of::From(device.address)]).await?;
    // The connection goes back before the hashing: that takes a thousand times as long.
    let found = look_up(&app, &login).await?;
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let verdict = place.verify(login.password.clone(), stored).await.map_err(hashing_failed)?;
    let known = found.as_ref().and_then(|found| Some((found.user_id, found.account_id?)));
    let right = found.is_some_and(|found| verdict != Verdict::Wrong && found.user_status == "active");
    let Some((user, account)) = known.filter(|_| right) else {
        if let Some((user, account)) = known {
            app.failed.note(account, user, request.0, device);
        }
        return Err(AuthRefusal::LoginFailed.into());
    };

    let factor = Attempt::count(&app, user, login.code).await?;
    let stronger = match verdict {
        Verdict::RightButOutdated => Some(app.hasher.hash(login.password).await.map_err(hashing_failed)?),
        Verdict::Right | Verdict::Wrong => None,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the password has just been verified; nobody has a token yet"
    )]
    let mut tx = app.db.system_inside(Reason::SignIn, account, user, request.0).await?;
    factor.pass(&app, &mut tx, At::Login).await?;
    if let Some(hash) = stronger {
        tx.look_up::<()>(REHASH).bind(hash).run().await?;
    }
    counted.forgive(&mut tx).await?;
    tx.write_unnoted::<()>(USED).bind(user).run().await?;
    let tokens = open_session(&app, &mut tx, account, user, &device).await?;
    tx.commit().await?;
    Ok(Json(tokens))
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
