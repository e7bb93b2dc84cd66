//! Members of the account, and their roles.

mod change;
mod former;
mod list;
mod lock;
mod owner;
mod refusal;
mod remove;
mod rights;
mod service;

use db::{FromRow, Json, LookupFunction, TenantQuery, TenantTx};
use kernel::UserId;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Error, Result, WithETag};

use crate::{App, rights::HeldRole};
pub(crate) use former::KnownMember;
pub(crate) use list::Members;
pub(crate) use refusal::MemberRefusal;
pub(crate) use remove::{count_owners, remove_from_account};
pub(crate) use rights::MemberRights;

/// Resource of the permissions `member:read`, `member:write` and `member:delete`.
#[derive(Debug)]
pub(crate) enum Membership {}

impl web::ResourceName for Membership {
    const NAME: &'static str = "member";
}

/// An active or suspended member of the account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Id of the user, the same in all accounts.
    #[schema(value_type = Uuid)]
    id: UserId,
    email: String,
    display_name: String,
    /// `person`, or `service` for a service account.
    kind: String,
    /// Status of the membership: `active` or `suspended`.
    #[schema(example = "active")]
    status: String,
    roles: Vec<RoleName>,
    /// Name of the member's role with the highest priority.
    effective_role: Option<String>,
    /// Version of the membership, incremented by every change; also the `ETag`.
    version: i64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Time of the last login to this account (UTC).
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
    /// Time until which logins are rejected after failed attempts. Only in the response for a single member, not in
    /// lists.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    locked_until: Option<OffsetDateTime>,
}

/// Id and name of a member's role.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RoleName {
    id: Uuid,
    name: String,
}

/// A membership as it is stored.
#[derive(Debug, FromRow)]
pub(crate) struct MembershipRow {
    user_id: UserId,
    status: String,
    version: i64,
    created_at: OffsetDateTime,
    last_used_at: Option<OffsetDateTime>,
    roles: Json<Vec<HeldRole>>,
}

/// Name and e-mail of a user.
#[derive(Debug, FromRow)]
struct Profile {
    user_id: UserId,
    email: String,
    display_name: String,
    kind: String,
}

const FIND: TenantQuery = TenantQuery::new(concat!(
    "select m.user_id, m.status, m.version, m.created_at, m.last_used_at,
            ",
    db::held_roles!(),
    "
     from app.memberships m where m.account_id = $1 and m.user_id = $2 and m.status <> 'removed'",
));
const PROFILES: LookupFunction =
    LookupFunction::new("select user_id, email, display_name, kind from app.member_profiles($1)");

/// Finds a current member by id.
pub(crate) async fn find(tx: &mut TenantTx, id: UserId) -> Result<MembershipRow> {
    tx.read::<MembershipRow>(FIND).bind(id).optional().await?.ok_or(Error::NotFound("member"))
}

/// True if a member is a service account.
async fn is_service(tx: &mut TenantTx, id: UserId) -> Result<bool> {
    Ok(profile(tx, id).await?.is_some_and(|profile| profile.kind == "service"))
}

/// True if the user is an active service account of this account.
pub(crate) async fn is_active_service(tx: &mut TenantTx, id: UserId) -> Result<bool> {
    Ok(crate::rights::of(tx, id).await?.is_some() && is_service(tx, id).await?)
}

/// Adds names and e-mails to memberships, in one query.
async fn named(tx: &mut TenantTx, members: Vec<MembershipRow>) -> Result<Vec<Member>> {
    let ids: Vec<Uuid> = members.iter().map(|member| member.user_id.into()).collect();
    let profiles: Vec<Profile> = tx.look_up::<Profile>(PROFILES).bind(ids).all().await?;
    let named = members.into_iter().filter_map(|member| {
        let profile = profiles.iter().find(|profile| profile.user_id == member.user_id)?;
        Some(member.named(profile))
    });
    Ok(named.collect())
}

/// Name and e-mail of a user.
async fn profile(tx: &mut TenantTx, id: UserId) -> Result<Option<Profile>> {
    Ok(tx.look_up::<Profile>(PROFILES).bind(vec![Uuid::from(id)]).optional().await?)
}

/// The member as a response with its `ETag`.
async fn shown(tx: &mut TenantTx, member: MembershipRow) -> Result<WithETag<Member>> {
    let member = named(tx, vec![member]).await?.pop().ok_or(Error::NotFound("member"))?;
    Ok(WithETag(member.version, member))
}

/// Finds a current member by id, with name and e-mail.
pub(crate) async fn shown_now(tx: &mut TenantTx, id: UserId) -> Result<Member> {
    let member = find(tx, id).await?;
    Ok(shown(tx, member).await?.1)
}

impl MembershipRow {
    fn named(self, profile: &Profile) -> Member {
        let rights = crate::rights::Rights::from_roles(self.roles.0);
        let roles: Vec<RoleName> =
            rights.roles.into_iter().map(|role| RoleName { id: role.id, name: role.name }).collect();
        Member {
            id: self.user_id,
            email: profile.email.clone(),
            display_name: profile.display_name.clone(),
            kind: profile.kind.clone(),
            status: self.status,
            effective_role: roles.first().map(|role| role.name.clone()),
            roles,
            version: self.version,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            locked_until: None,
        }
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_members))
        .routes(routes!(list::get_member, change::update_member, remove::remove_member))
        .routes(routes!(rights::get_member_permissions))
        .routes(routes!(lock::lift_member_lock))
        .routes(routes!(service::create_service_account))
        .routes(routes!(owner::transfer_ownership))
}
