use axum::extract::State;
use db::{Change, TenantCommand, TenantQuery, TenantTx};
use kernel::LoginEmail;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;
use web::{
    Accepted, Authorized, Created, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, Json, Path,
    Redacted, Replayable, Result, Write,
};

use super::{Invitation, authorize, list::find, token::Token};
use crate::{
    App,
    email_token::EmailSent,
    mail::{Message, UntrustedText},
    rights, roles,
    throttle::AttemptKey,
};

/// Request to invite a person to the account.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInvitationRequest {
    /// Address of the invitation e-mail; no other address can accept it.
    email: LoginEmail,
    /// Role that the invitation grants.
    role_id: Uuid,
}

/// A new invitation revokes an earlier one of the same address.
const INVITE: TenantCommand = TenantCommand::new(
    "insert into app.invitations (account_id, id, email, role_id, token_hash, created_by, granted_by) values ($1, $2, $3, $4, $5, $6, $7)",
);
const GIVE_WAY: TenantCommand = TenantCommand::new(
    "update app.invitations set revoked_at = now()
     where account_id = $1 and email_norm = app.normalize_email($2) and accepted_at is null and revoked_at is null",
);
const RENEW: TenantCommand = TenantCommand::new(
    "update app.invitations set token_hash = $3, expires_at = now() + interval '7 days', granted_by = $4
     where account_id = $1 and id = $2 and accepted_at is null and revoked_at is null",
);
const NAME: TenantQuery = TenantQuery::new("select name from app.accounts where account_id = $1");

/// Invite a person to the account.
///
/// Sends an e-mail with a token that is valid once, for seven days. An invitation must not grant a role beyond its
/// sender's rights. The rights of its last sender are checked again on acceptance. 409 if the address belongs to a
/// member, who is included if the caller may read members.
#[utoipa::path(post, path = "/api/v1/invitations", params(IdempotencyKey), tag = "invitations")]
pub(crate) async fn create_invitation(
    State(app): State<App>,
    auth: Authorized<Write, Invitation>,
    key: Option<IdempotencyKey>,
    Json(new): Json<CreateInvitationRequest>,
) -> Result<Replayable<Created<Redacted<Invitation>>>> {
    let idempotent = Idempotent::new(key, &new)?;
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let who = auth.who();
    let author = rights::lock(&mut tx, who).await?;
    for role in roles::find_all(&mut tx, &[new.role_id], "/role_id").await? {
        author.authorize_role(&mut tx, &role).await?;
    }
    authorize::refuse_member(&mut tx, &author, &new.email).await?;
    authorize::authorize_replacement(&mut tx, &author, &new.email).await?;
    count(&app, &mut tx, &new.email).await?;
    let (token, text) = Token::generate(who.account(), Uuid::now_v7())?;
    tx.execute_untracked::<()>(GIVE_WAY).bind(&new.email).run().await?;
    let invited = Change::new("auth.invitation.created", "invitation", token.id, "created");
    let invited = invited.with(json!({ "email": new.email, "role_id": new.role_id }));
    let grantor = rights::grantor_of(&mut tx, who).await?;
    let statement = tx.execute_audited::<()>(INVITE, invited).bind(token.id).bind(&new.email);
    let statement = statement.bind(new.role_id).bind(token.hash);
    statement.bind(who.user()).bind(grantor).run().await?;
    let (invitation, account) = (find(&mut tx, token.id).await?, account_name(&mut tx).await?);
    let location = format!("/api/v1/invitations/{}", invitation.id);
    let answer = Created(location, auth.shown(invitation)?);
    let answer = idempotent.answer(tx, answer).await?;
    app.mail.post(Message::invitation(&app.pages, &new.email, &UntrustedText::new(&account), &text))?;
    Ok(answer)
}

/// Resend an invitation with a new token; the previous token becomes invalid.
///
/// Requires the right to grant its role. From then on the caller is the grantor whose rights are checked on acceptance.
#[utoipa::path(post, path = "/api/v1/invitations/{id}/resend", params(IdempotencyKey), tag = "invitations")]
pub(crate) async fn resend_invitation(
    State(app): State<App>,
    auth: Authorized<Write, Invitation>,
    key: Option<IdempotencyKey>,
    Path(id): Path<Uuid>,
) -> Result<Replayable<Accepted<Redacted<EmailSent>>>> {
    let idempotent = Idempotent::new(key, &())?;
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let who = auth.who();
    let author = rights::lock(&mut tx, who).await?;
    let (invitation, account) = (find(&mut tx, id).await?, account_name(&mut tx).await?);
    if !matches!(invitation.status.as_str(), "open" | "expired") {
        return Err(Error::NotFound("invitation"));
    }
    for role in roles::find_all(&mut tx, &[invitation.role_id], "/role_id").await? {
        author.authorize_role(&mut tx, &role).await?;
    }
    authorize::refuse_member(&mut tx, &author, &invitation.email).await?;
    count(&app, &mut tx, &invitation.email).await?;
    let (token, text) = Token::generate(who.account(), id)?;
    let renewed = Change::new("auth.invitation.renewed", "invitation", id, "renewed");
    let grantor = rights::grantor_of(&mut tx, who).await?;
    if tx.execute_audited::<()>(RENEW, renewed).bind(id).bind(token.hash).bind(grantor).run().await? == 0 {
        return Err(Error::NotFound("invitation"));
    }
    let Accepted(sent) = EmailSent::to(&invitation.email);
    let answer = idempotent.answer(tx, Accepted(auth.shown(sent)?)).await?;
    app.mail.post(Message::invitation(
        &app.pages,
        &invitation.email,
        &UntrustedText::new(&account),
        &text,
    ))?;
    Ok(answer)
}

/// Counts the e-mail by recipient and by sender, in the same transaction. A rejected request thus sends none, and needs
/// no second connection while it holds the account's lock.
async fn count(app: &App, tx: &mut TenantTx, email: &str) -> Result<()> {
    app.throttle.count_within(tx, AttemptKey::Mail(email)).await?;
    app.quotas.count_email(tx).await
}

async fn account_name(tx: &mut TenantTx) -> Result<String> {
    let name: Option<(String,)> = tx.read(NAME).optional().await?;
    name.map(|(name,)| name).ok_or(Error::Unauthenticated)
}
