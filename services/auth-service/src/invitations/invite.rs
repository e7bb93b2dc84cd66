use axum::extract::State;
use db::{Change, Scoped, ScopedWrite, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{
    Accepted, Answered, Begun, Created, Error, IdempotencyKey, Json, May, Once, Path, Result, Shown, Write,
};

use super::{Invitation, authorize, list::find, token::Token};
use crate::{
    App,
    mail::{Letter, UntrustedText},
    members, rights,
    signup::Sent,
    throttle::Of,
};

/// Somebody who is to come in.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// Where the letter goes; nobody with another address can use it.
    #[serde(deserialize_with = "web::trimmed")]
    #[validate(email, length(max = 254), custom(function = "web::ascii"))]
    #[schema(example = "eve@acme.test")]
    email: String,
    /// What they are to be.
    role_id: Uuid,
}

/// An earlier invitation of the same address gives way.
const INVITE: ScopedWrite = ScopedWrite::new(
    "insert into app.invitations (account_id, id, email, role_id, token_hash, created_by, granted_by) values ($1, $2, $3, $4, $5, $6, $7)",
);
const GIVE_WAY: ScopedWrite = ScopedWrite::new(
    "update app.invitations set revoked_at = now()
     where account_id = $1 and email_norm = app.normalize_email($2) and accepted_at is null and revoked_at is null",
);
const RENEW: ScopedWrite = ScopedWrite::new(
    "update app.invitations set token_hash = $3, expires_at = now() + interval '7 days', granted_by = $4
     where account_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
);
const NAME: Scoped = Scoped::new("select name from app.accounts where account_id = $1");

/// Invite somebody.
///
/// A letter goes to the address; its token is good once, for seven days. Nobody gives a role that reaches beyond their own
/// rights, neither now nor when it is accepted: those of whoever has sent it last are looked at again then. 409 for a member,
/// who is shown to whoever may read members.
#[utoipa::path(post, path = "/api/v1/invitations", params(IdempotencyKey), tag = "invitations")]
pub(crate) async fn invite(
    State(app): State<App>,
    may: May<Write, Invitation>,
    key: Option<IdempotencyKey>,
    Json(new): Json<NewInvitation>,
) -> Result<Answered<Created<Shown<Invitation>>>> {
    let once = Once::of(key, &new)?;
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let who = may.who();
    let author = rights::lock(&mut tx, who).await?;
    for role in members::roles(&mut tx, &[new.role_id]).await? {
        author.authorize_role(&mut tx, &role).await?;
    }
    authorize::refuse_member(&mut tx, &author, &new.email).await?;
    authorize::authorize_replacement(&mut tx, &author, &new.email).await?;
    count(&app, &mut tx, &new.email).await?;
    let (token, text) = Token::generate(who.account(), Uuid::now_v7())?;
    tx.write_unnoted::<()>(GIVE_WAY).bind(&new.email).run().await?;
    let invited = Change::new("auth.invitation.created", "invitation", token.id, "created");
    let invited = invited.with(json!({ "email": new.email, "role_id": new.role_id }));
    let grantor = rights::grantor_of(&mut tx, who).await?;
    let statement = tx.write_noted::<()>(INVITE, invited).bind(token.id).bind(&new.email);
    let statement = statement.bind(new.role_id).bind(token.hash);
    statement.bind(who.user()).bind(grantor).run().await?;
    let (invitation, account) = (find(&mut tx, token.id).await?, account_name(&mut tx).await?);
    let location = format!("/api/v1/invitations/{}", invitation.id);
    let answer = Created(location, may.shown(invitation)?);
    let answer = once.answer(tx, answer).await?;
    app.mail.post(Letter::invitation(&app.pages, &new.email, &UntrustedText::new(&account), &text))?;
    Ok(answer)
}

/// Send the letter again, with another token; the one before is good no more.
///
/// By whoever could give what it gives, which is held against their rights from then on.
#[utoipa::path(post, path = "/api/v1/invitations/{id}/resend", params(IdempotencyKey), tag = "invitations")]
pub(crate) async fn resend_invitation(
    State(app): State<App>,
    may: May<Write, Invitation>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Uuid>,
) -> Result<Answered<Accepted<Shown<Sent>>>> {
    let once = Once::of(key, &())?;
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let who = may.who();
    let author = rights::lock(&mut tx, who).await?;
    let (invitation, account) = (find(&mut tx, id).await?, account_name(&mut tx).await?);
    if !matches!(invitation.status.as_str(), "open" | "expired") {
        return Err(Error::NotFound("invitation"));
    }
    for role in members::roles(&mut tx, &[invitation.role_id]).await? {
        author.authorize_role(&mut tx, &role).await?;
    }
    authorize::refuse_member(&mut tx, &author, &invitation.email).await?;
    count(&app, &mut tx, &invitation.email).await?;
    let (token, text) = Token::generate(who.account(), id)?;
    let renewed = Change::new("auth.invitation.renewed", "invitation", id, "renewed");
    let grantor = rights::grantor_of(&mut tx, who).await?;
    if tx.write_noted::<()>(RENEW, renewed).bind(id).bind(token.hash).bind(grantor).run().await? == 0 {
        return Err(Error::NotFound("invitation"));
    }
    let Accepted(sent) = Sent::to(&invitation.email);
    let answer = once.answer(tx, Accepted(may.shown(sent)?)).await?;
    app.mail.post(Letter::invitation(&app.pages, &invitation.email, &UntrustedText::new(&account), &text))?;
    Ok(answer)
}

/// Counts the letter by its address and by its sender, in the same transaction: a refused request sends none, and needs no
/// second connection while it holds the account's lock.
async fn count(app: &App, tx: &mut TenantTx, email: &str) -> Result<()> {
    app.throttle.count_within(tx, Of::Mail(email)).await?;
    app.quotas.count_email(tx).await
}

async fn account_name(tx: &mut TenantTx) -> Result<String> {
    let name: Option<(String,)> = tx.read(NAME).optional().await?;
    name.map(|(name,)| name).ok_or(Error::Unauthenticated)
}
