//! Authorizes members to create, resend, replace or revoke an invitation, and checks its grantor's rights on
//! acceptance.

use std::collections::HashMap;

use db::{FromRow, LookupFunction, Refusal, TenantQuery, TenantTx};
use kernel::UserId;
use serde_json::Value;
use uuid::Uuid;
use web::{Error, Result};

use super::Invitation;
use crate::{
    AuthRefusal, members,
    rights::{self, Grantor, Rights, RightsChange},
    roles,
};

/// The address belongs to an active or suspended member, who is shown to readers of members.
#[derive(Debug, thiserror::Error)]
#[error("this address is that of a member already; change their roles, or let them in again")]
struct AlreadyMember(Option<Value>);

impl Refusal for AlreadyMember {
    fn code(&self) -> &'static str {
        "already-member"
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/email")
    }

    fn current(&self) -> Option<Value> {
        self.0.clone()
    }
}

#[derive(FromRow)]
struct RecipientRow {
    user_id: UserId,
    status: String,
    removed_while_suspended: bool,
}

const KNOWN: LookupFunction =
    LookupFunction::new("select user_id, status, removed_while_suspended from app.member_with_email($1)");
const OPEN: TenantQuery = TenantQuery::new(
    "select role_id from app.invitations
     where account_id = $1 and email_norm = app.normalize_email($2) and accepted_at is null and revoked_at is null and expires_at > now()",
);

/// Refuses to invite a member; and, without `member:write`, a person who was removed while suspended.
pub(super) async fn refuse_member(tx: &mut TenantTx, author: &Grantor, email: &str) -> Result<()> {
    let known: Option<RecipientRow> = tx.look_up(KNOWN).bind(email).optional().await?;
    let Some(RecipientRow { user_id, status, removed_while_suspended }) = known else { return Ok(()) };
    if status != "removed" {
        let told = author.permissions().allow("member", "read");
        let member = if told { Some(members::shown_now(tx, user_id).await?) } else { None };
        let member = member.map(serde_json::to_value).transpose();
        return Err(AlreadyMember(member.map_err(|error| Error::Internal(error.into()))?).into());
    }
    if removed_while_suspended && !author.permissions().allow("member", "write") {
        return Err(Error::Forbidden("member:write".to_owned()));
    }
    Ok(())
}

/// Refuses to handle an invitation to a role beyond the author's rights. A removed role grants nothing.
pub(super) async fn authorize_role(tx: &mut TenantTx, author: &Grantor, role: Uuid) -> Result<()> {
    match roles::find_known(tx, &[role]).await?.first() {
        Some(role) => author.authorize_role(tx, role).await,
        None => Ok(()),
    }
}

/// Refuses to replace an address's open invitation if its role exceeds the author's rights.
pub(super) async fn authorize_replacement(tx: &mut TenantTx, author: &Grantor, email: &str) -> Result<()> {
    let open: Option<(Uuid,)> = tx.read(OPEN).bind(email).optional().await?;
    match open {
        Some((role,)) => authorize_role(tx, author, role).await,
        None => Ok(()),
    }
}

/// Checks the present rights of `grantor` when `user` accepts. Every failure has the same answer. Returns true if the
/// grantor may end a suspension.
pub(super) async fn authorize_acceptance(
    tx: &mut TenantTx,
    grantor: UserId,
    role: Uuid,
    user: UserId,
) -> Result<bool> {
    let invalid = || Error::from(AuthRefusal::InvitationInvalid);
    let role = roles::find_known(tx, &[role]).await?.pop().ok_or_else(invalid)?;
    let rights = rights::of(tx, grantor).await?.filter(may_invite).ok_or_else(invalid)?;
    let grantor = Grantor::new(grantor, rights);
    let before = rights::of(tx, user).await?.unwrap_or_default();
    let mut roles = before.roles.clone();
    if !roles.iter().any(|held| held.id == role.id) {
        roles.push(role);
    }
    let given = grantor.authorize(tx, &RightsChange::of_roles(Some(user), before, &roles)).await;
    given.map_err(|error| if matches!(error, Error::Refused(_)) { invalid() } else { error })?;
    Ok(grantor.permissions().allow("member", "write"))
}

fn may_invite(rights: &Rights) -> bool {
    rights.permissions.allow("invitation", "write")
}

/// Sets `unusable_reason` of the open invitations that cannot be accepted at present.
pub(super) async fn mark_unusable(tx: &mut TenantTx, invitations: &mut [Invitation]) -> Result<()> {
    let open: Vec<&mut Invitation> =
        invitations.iter_mut().filter(|invitation| invitation.status == "open").collect();
    if open.is_empty() {
        return Ok(());
    }
    let grantors: Vec<UserId> = open.iter().map(|invitation| invitation.granted_by).collect();
    let ids: Vec<Uuid> = open.iter().map(|invitation| invitation.role_id).collect();
    let held = rights::of_members(tx, &grantors).await?;
    let held: HashMap<UserId, Grantor> =
        held.into_iter().map(|(user, rights)| (user, Grantor::new(user, rights))).collect();
    let roles = roles::find_known(tx, &ids).await?;
    for invitation in open {
        let role = roles.iter().find(|role| role.id == invitation.role_id);
        invitation.unusable_reason = match (held.get(&invitation.granted_by), role) {
            (_, None) => Some("its role was removed".to_owned()),
            (None, _) => Some("its grantor is not a member any more".to_owned()),
            (Some(grantor), _) if !grantor.permissions().allow("invitation", "write") => {
                Some("its grantor may no longer invite".to_owned())
            }
            (Some(grantor), Some(role)) => grantor.can_grant(role).err().map(|refused| refused.to_string()),
        };
    }
    Ok(())
}
