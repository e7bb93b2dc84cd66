//! What a new account is made of: its row, its standard roles, its founder.

use db::{Change, Result, ScopedWrite, TenantTx};
use identity::STANDARD_ROLES;
use kernel::{AccountId, UserId};
use serde_json::json;
use uuid::Uuid;

const OPEN: ScopedWrite = ScopedWrite::new(
    "insert into app.accounts (account_id, name, created_by, updated_by) values ($1, $2, $3, $3)",
);
const JOIN: ScopedWrite =
    ScopedWrite::new("insert into app.memberships (account_id, user_id) values ($1, $2)");
const ROLES: ScopedWrite = ScopedWrite::new(
    "insert into app.roles (account_id, id, name, standard, created_by, updated_by)
     select $1, role.id, role.name, true, $2, $2 from unnest($3::uuid[], $4::text[]) as role (id, name)",
);
const PERMISSIONS: ScopedWrite = ScopedWrite::new(
    "insert into app.role_permissions (account_id, role_id, permission)
     select $1, given.role_id, given.permission from unnest($2::uuid[], $3::text[]) as given (role_id, permission)",
);
const APPOINT: ScopedWrite =
    ScopedWrite::new("insert into app.member_roles (account_id, user_id, role_id) values ($1, $2, $3)");

/// Fills a new account, of which `founder` becomes the owner.
pub(crate) async fn open(
    tx: &mut TenantTx,
    account: AccountId,
    name: &str,
    slug: &str,
    founder: UserId,
) -> Result<()> {
    let opened = Change::new("auth.account.opened", "account", account.into(), "opened");
    let opened = opened.with(json!({ "name": name, "slug": slug, "owner": founder }));
    tx.write_noted::<()>(OPEN, opened).bind(name).bind(founder).run().await?;
    tx.write_unnoted::<()>(JOIN).bind(founder).run().await?;

    let roles: Vec<(Uuid, _)> = STANDARD_ROLES.iter().map(|role| (Uuid::now_v7(), role)).collect();
    let (ids, names): (Vec<_>, Vec<_>) = roles.iter().map(|(id, role)| (*id, role.name)).unzip();
    tx.write_unnoted::<()>(ROLES).bind(founder).bind(ids).bind(names).run().await?;
    let given =
        roles.iter().flat_map(|(id, role)| role.permissions.iter().map(|permission| (*id, *permission)));
    let (ids, permissions): (Vec<_>, Vec<_>) = given.unzip();
    tx.write_unnoted::<()>(PERMISSIONS).bind(ids).bind(permissions).run().await?;
    if let Some((owner, _)) = roles.iter().find(|(_, role)| role.name == "owner") {
        tx.write_unnoted::<()>(APPOINT).bind(founder).bind(owner).run().await?;
    }
    Ok(())
}
