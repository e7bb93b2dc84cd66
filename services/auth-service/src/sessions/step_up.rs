//! What is dangerous needs a person who has just shown who they are, and not only a token that somebody may have found.

use axum::extract::State;
use db::{Change, Refusal, Scoped, ScopedWrite, Sort, TenantTx};
use identity::Principal;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;
use web::{ClientAddress, Json, Known, NoContent, Result};

use crate::{
    App, AuthRefusal,
    accounts::is_of_provider,
    factor::{At, Attempt},
    password,
};

/// Somebody who shows once more who they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUp {
    /// Theirs.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// What their authenticator app shows, or a recovery code; required of whoever has a second factor.
    #[serde(default, deserialize_with = "crate::form::some_secret")]
    #[schema(value_type = Option<String>, example = "287082")]
    code: Option<SecretString>,
}

/// It was too long ago.
#[derive(Debug, thiserror::Error)]
#[error(
    "this needs you to have shown within 15 minutes who you are: send your password, and a code if you have a second \
     factor, to POST /api/v1/auth/step-up, and then this request again"
)]
struct StepUpRequired;

impl Refusal for StepUpRequired {
    fn code(&self) -> &'static str {
        "step-up-required"
    }

    fn sort(&self) -> Sort {
        Sort::Forbidden
    }
}

const FRESH: Scoped = Scoped::new(
    "select authenticated_at > now() - interval '15 minutes' from app.sessions where account_id = $1 and id = $2",
);
const RENEW: ScopedWrite =
    ScopedWrite::new("update app.sessions set authenticated_at = now() where account_id = $1 and id = $2");

/// Show once more who I am.
///
/// What is dangerous needs that within 15 minutes; to have logged in counts as well.
#[utoipa::path(post, path = "/api/v1/auth/step-up", tag = "auth")]
pub(crate) async fn step_up(
    State(app): State<App>,
    Known(who): Known,
    from: ClientAddress,
    Json(StepUp { password, code }): Json<StepUp>,
) -> Result<NoContent> {
    let mine = password::show(&app, &who, from, password).await?;
    let attempt = Attempt::count(&app, who.user(), code).await?;
    let mut tx = app.db.begin_in_maintenance(&who).await?;
    attempt.pass(&app, &mut tx, At::Inside).await?;
    mine.counted.forgive(&mut tx).await?;
    let renewed = Change::new("auth.session.stepped_up", "session", who.session().into(), "stepped_up");
    tx.write_noted::<()>(RENEW, renewed).bind(who.session()).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Refuses a session whose person has not shown within 15 minutes who they are.
pub(crate) async fn fresh(tx: &mut TenantTx, who: &Principal) -> Result<()> {
    let fresh: Option<(bool,)> = tx.read(FRESH).bind(who.session()).optional().await?;
    if fresh == Some((true,)) { Ok(()) } else { Err(StepUpRequired.into()) }
}

/// The same for what concerns the person in every account: whoever keeps one account's identity provider speaks for them
/// there alone.
pub(crate) async fn fresh_everywhere(tx: &mut TenantTx, who: &Principal) -> Result<()> {
    if is_of_provider(tx, who).await? {
        return Err(AuthRefusal::ProviderSession.into());
    }
    fresh(tx, who).await
}
