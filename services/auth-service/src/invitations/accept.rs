use axum::extract::State;
use db::{Change, LookUp, Reason, Scoped, ScopedWrite, TenantTx};
use identity::strength;
use kernel::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{Error, Json, KnownCaller, RequestId, Result};

use super::{authorize, token::Token};
use crate::{
    App, AuthRefusal, rights,
    sessions::{
        Tokens, device::Device, hashing_failed, open_session_from, parent::Parent, person::begin_opening,
    },
    signup::Person,
    throttle::Of,
};

/// Somebody who was invited and has signed up before.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// From the letter.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    token: SecretString,
}

/// Somebody who was invited and is new.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newcomer {
    /// From the letter; it proves the address as well.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String)]
    token: SecretString,
    /// What others call them.
    #[validate(length(min = 1, max = 200), custom(function = "web::one_line"))]
    display_name: String,
    /// Hard to guess: judged by how many guesses it would take.
    #[serde(deserialize_with = "crate::form::secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

const OPEN: Scoped = Scoped::new(
    "select email, role_id, coalesce(granted_by, created_by) from app.invitations
     where account_id = $1 and id = $2 and token_hash = $3 and accepted_at is null and revoked_at is null and expires_at > now()",
);
const ACCEPT: ScopedWrite = ScopedWrite::new(
    "update app.invitations set accepted_at = now()
     where account_id = $1 and id = $2 and token_hash = $3 and accepted_at is null and revoked_at is null and expires_at > now()",
);
/// Whoever was suspended does not come back by an invitation; whoever was removed does, and if they were suspended then, by
/// somebody who could have ended that ($3).
const JOIN: ScopedWrite = ScopedWrite::new(
    "insert into app.memberships as m (account_id, user_id, last_used_at) values ($1, $2, now())
     on conflict (account_id, user_id) do update set status = 'active', removed_while_suspended = false, version = m.version + 1, last_used_at = now()
     where m.status <> 'suspended' and (not m.removed_while_suspended or $3)",
);
const APPOINT: ScopedWrite = ScopedWrite::new(
    "insert into app.member_roles (account_id, user_id, role_id) values ($1, $2, $3) on conflict do nothing",
);
const MINE: LookUp = LookUp::new("select email from app.my_password()");

/// Accept an invitation to my address.
///
/// The answer is a session in the account; the one I have stays.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "auth", security(("access_token" = []), ("person_token" = [])))]
pub(crate) async fn accept_invitation(
    State(app): State<App>,
    KnownCaller(who): KnownCaller,
    device: Device,
    Json(Acceptance { token }): Json<Acceptance>,
) -> Result<Json<Tokens>> {
    let (mut tx, parent) = begin_opening(&app, &who).await?;
    let (mine,): (String,) = tx.look_up(MINE).optional().await?.ok_or(Error::Unauthenticated)?;
    tx.commit().await?;
    let invited = Invited::by(&app, &token, RequestId(who.request())).await?;
    if !invited.email.eq_ignore_ascii_case(&mine) {
        return Err(AuthRefusal::InvitationInvalid.into());
    }
    parent.leads_to(Some(invited.token.account))?;
    #[expect(clippy::disallowed_methods, reason = "the token names its account, and was found there")]
    let tx = app.db.system(Reason::OwnChange).await?;
    let tx = tx.enter(invited.token.account, who.user(), who.request()).await?;
    Ok(Json(invited.join(&app, tx, who.user(), &device, Some(parent)).await?))
}

/// Accept an invitation as somebody new.
///
/// The person becomes a user and a member, and is logged in.
#[utoipa::path(post, path = "/api/v1/auth/invitations/accept", tag = "auth", security(()))]
pub(crate) async fn join_by_invitation(
    State(app): State<App>,
    request: RequestId,
    device: Device,
    Json(new): Json<Newcomer>,
) -> Result<Json<Tokens>> {
    let invited = Invited::by(&app, &new.token, request).await?;
    strength(new.password.expose_secret(), &[invited.email.as_str(), &new.display_name])
        .map_err(|weakness| Error::invalid("/password", "weak", weakness.to_string()))?;
    let holders = [Of::Login(&invited.email), Of::From(device.address), Of::Account(invited.token.account)];
    let place = app.hasher.place(&app.throttle.holders(&holders)).map_err(hashing_failed)?;
    let hash = place.hash(new.password).await.map_err(hashing_failed)?;
    #[expect(clippy::disallowed_methods, reason = "the person does not exist before this")]
    let mut tx = app.db.system(Reason::SignUp).await?;
    let person = Person { email: &invited.email, name: &new.display_name, password_hash: &hash };
    let user = match person.add(&mut tx).await {
        Err(error) if error.constraint() == Some("uq_users_email") => {
            return Err(AuthRefusal::LogInFirst.into());
        }
        added => added?,
    };
    let mut tx = tx.enter(invited.token.account, user, request.0).await?;
    app.throttle.remember(&mut tx, &invited.email, device.address).await?;
    Ok(Json(invited.join(&app, tx, user, &device, None).await?))
}

/// An invitation that was found open.
struct Invited {
    token: Token,
    email: String,
    role: Uuid,
    grantor: UserId,
}

impl Invited {
    async fn by(app: &App, shown: &SecretString, request: RequestId) -> Result<Self> {
        let token = Token::read(shown).ok_or(AuthRefusal::InvitationInvalid)?;
        #[expect(clippy::disallowed_methods, reason = "the token names its account; its hash proves it")]
        let tx = app.db.system(Reason::OwnChange).await?;
        let mut tx = tx.enter(token.account, Uuid::nil().into(), request.0).await?;
        let open: Option<(String, Uuid, UserId)> =
            tx.read(OPEN).bind(token.id).bind(&token.hash).optional().await?;
        let (email, role, grantor) = open.ok_or(AuthRefusal::InvitationInvalid)?;
        Ok(Self { token, email, role, grantor })
    }

    /// Makes `user` a member, uses the invitation up, and opens their session.
    async fn join(
        self,
        app: &App,
        mut tx: TenantTx,
        user: UserId,
        device: &Device,
        parent: Option<Parent>,
    ) -> Result<Tokens> {
        let Self { token: Token { account, id, hash }, role, grantor, .. } = self;
        rights::lock_for(&mut tx, user).await?;
        let lets_in = authorize::authorize_acceptance(&mut tx, grantor, role, user).await?;
        let joined = Change::new("auth.member.joined", "member", user.into(), "joined");
        let joined = joined.with(json!({ "invitation": id, "role_id": role }));
        if tx.write_unnoted::<()>(ACCEPT).bind(id).bind(hash).run().await? == 0
            || tx.write_noted::<()>(JOIN, joined).bind(user).bind(lets_in).run().await? == 0
        {
            return Err(AuthRefusal::InvitationInvalid.into()); // used meanwhile, or the member is suspended
        }
        tx.write_unnoted::<()>(APPOINT).bind(user).bind(role).run().await?;
        rights::renew(&mut tx, &[user]).await?;
        let tokens = open_session_from(app, &mut tx, account, user, device, parent).await?;
        tx.commit().await?;
        Ok(tokens)
    }
}
