use axum::extract::State;
use db::{Change, LookupFunction, Reason, TenantCommand, TenantQuery, TenantTx};
use identity::check_strength;
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{AnyUser, Error, Json, RequestId, Result};

use super::{authorize, token::Token};
use crate::{
    App, AuthRefusal,
    device::Device,
    hashing::hashing_failed,
    rights,
    sessions::{
        TokenPair, open_session_from,
        parent::{Parent, begin_opening},
    },
    throttle::AttemptKey,
    users::{NewUser, is_email_taken},
};

/// Acceptance of an invitation by a registered user.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptInvitationRequest {
    /// Token from the invitation e-mail.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    token: SecretString,
}

/// Acceptance of an invitation by a new user.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterByInvitationRequest {
    /// Token from the invitation e-mail; it also proves ownership of the address.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, max_length = 4096)]
    token: SecretString,
    /// Name shown to other members.
    #[validate(length(min = 1, max = 200), custom(function = "web::single_line"))]
    #[schema(min_length = 1, max_length = 200)]
    display_name: String,
    /// Password; rejected if its estimated number of guesses is too low.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    password: SecretString,
}

const OPEN: TenantQuery = TenantQuery::new(
    "select email, role_id, coalesce(granted_by, created_by) from app.invitations
     where account_id = $1 and id = $2 and token_hash = $3 and accepted_at is null and revoked_at is null and expires_at > now()",
);
const ACCEPT: TenantCommand = TenantCommand::new(
    "update app.invitations set accepted_at = now()
     where account_id = $1 and id = $2 and token_hash = $3 and accepted_at is null and revoked_at is null and expires_at > now()",
);
/// A suspended member cannot return by an invitation. A removed one can, but if they were suspended at that time only
/// if the grantor may end a suspension ($3).
const JOIN: TenantCommand = TenantCommand::new(
    "insert into app.memberships as m (account_id, user_id, last_used_at) values ($1, $2, now())
     on conflict (account_id, user_id) do update set status = 'active', removed_while_suspended = false, version = m.version + 1, last_used_at = now()
     where m.status <> 'suspended' and (not m.removed_while_suspended or $3)",
);
const APPOINT: TenantCommand = TenantCommand::new(
    "insert into app.member_roles (account_id, user_id, role_id) values ($1, $2, $3) on conflict do nothing",
);
const MINE: LookupFunction = LookupFunction::new("select email from app.my_password()");

/// Accept an invitation to the caller's address.
///
/// The response is a session in the account; the current session stays.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn accept_invitation(
    State(app): State<App>,
    AnyUser(who): AnyUser,
    device: Device,
    Json(AcceptInvitationRequest { token }): Json<AcceptInvitationRequest>,
) -> Result<Json<TokenPair>> {
    let (mut tx, parent) = begin_opening(&app, &who).await?;
    let (mine,): (String,) = tx.look_up(MINE).optional().await?.ok_or(Error::Unauthenticated)?;
    tx.commit().await?;
    let invited = InvitationRow::find(&app, &token, RequestId(who.request())).await?;
    if !invited.email.eq_ignore_ascii_case(&mine) {
        return Err(AuthRefusal::InvitationInvalid.into());
    }
    parent.leads_to(Some(invited.token.account))?;
    #[expect(clippy::disallowed_methods, reason = "the token names its account, and was found there")]
    let tx = app.db.begin_unscoped(Reason::OwnChange).await?;
    let tx = tx.enter(invited.token.account, who.user(), who.request());
    Ok(Json(invited.join(&app, tx, who.user(), &device, Some(parent)).await?))
}

/// Accept an invitation as a new user.
///
/// Creates the user and the membership, and opens a session.
#[utoipa::path(post, path = "/api/v1/auth/invitations/accept", tag = "auth", security(()))]
pub(crate) async fn register_by_invitation(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(new): Json<RegisterByInvitationRequest>,
) -> Result<Json<TokenPair>> {
    let invited = InvitationRow::find(&app, &new.token, request).await?;
    check_strength(new.password.expose_secret(), &[invited.email.as_str(), &new.display_name])
        .map_err(|weakness| Error::invalid("/password", "weak", weakness.to_string()))?;
    let holders = [
        AttemptKey::Login(&invited.email),
        AttemptKey::From(device.address),
        AttemptKey::Account(invited.token.account),
    ];
    let place = app.hasher.reserve(&app.throttle.holders(&holders)).map_err(hashing_failed)?;
    let hash = place.hash(new.password).await.map_err(hashing_failed)?;
    #[expect(clippy::disallowed_methods, reason = "the person does not exist before this")]
    let mut tx = app.db.begin_unscoped(Reason::SignUp).await?;
    let person = NewUser { email: &invited.email, name: &new.display_name, password_hash: &hash };
    let user = match person.add(&mut tx).await {
        Err(error) if is_email_taken(&error) => return Err(AuthRefusal::LogInFirst.into()),
        added => added?,
    };
    let mut tx = tx.enter(invited.token.account, user, request.0);
    app.throttle.remember(&mut tx, &invited.email, device.address).await?;
    Ok(Json(invited.join(&app, tx, user, &device, None).await?))
}

/// An invitation that is still open.
struct InvitationRow {
    token: Token,
    email: String,
    role: Uuid,
    grantor: UserId,
}

impl InvitationRow {
    async fn find(app: &App, shown: &SecretString, request: RequestId) -> Result<Self> {
        let token = Token::read(shown).ok_or(AuthRefusal::InvitationInvalid)?;
        #[expect(clippy::disallowed_methods, reason = "the token names its account; its hash proves it")]
        let tx = app.db.begin_unscoped(Reason::OwnChange).await?;
        let mut tx = tx.enter(token.account, Uuid::nil().into(), request.0);
        let open: Option<(String, Uuid, UserId)> =
            tx.read(OPEN).bind(token.id).bind(&token.hash).optional().await?;
        let (email, role, grantor) = open.ok_or(AuthRefusal::InvitationInvalid)?;
        Ok(Self { token, email, role, grantor })
    }

    /// Makes `user` a member, marks the invitation as accepted, and opens a session.
    async fn join(
        self,
        app: &App,
        mut tx: TenantTx,
        user: UserId,
        device: &Device,
        parent: Option<Parent>,
    ) -> Result<TokenPair> {
        let Self { token: Token { account, id, hash }, role, grantor, .. } = self;
        rights::lock_for(&mut tx, user).await?;
        let lets_in = authorize::authorize_acceptance(&mut tx, grantor, role, user).await?;
        let joined = Change::new("auth.member.joined", "member", user.into(), "joined");
        let joined = joined.with(json!({ "invitation": id, "role_id": role }));
        if tx.execute_untracked::<()>(ACCEPT).bind(id).bind(hash).run().await? == 0
            || tx.execute_audited::<()>(JOIN, joined).bind(user).bind(lets_in).run().await? == 0
        {
            return Err(AuthRefusal::InvitationInvalid.into()); // used meanwhile, or the member is suspended
        }
        tx.execute_untracked::<()>(APPOINT).bind(user).bind(role).run().await?;
        rights::renew(&mut tx, &[user]).await?;
        let tokens = open_session_from(app, &mut tx, account, user, device, parent).await?;
        tx.commit().await?;
        Ok(tokens)
    }
}
