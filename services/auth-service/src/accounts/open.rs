//! Contents of a new account: its row, its standard roles and its founder.

use db::{Change, Result, TenantCommand, TenantTx};
use identity::{OWNER, STANDARD_ROLES};
use kernel::{AccountId, UserId};
use serde_json::json;
use uuid::Uuid;

const OPEN: TenantCommand = TenantCommand::new(
    "insert into app.accounts (account_id, name, created_by, updated_by) values ($1, $2, $3, $3)",
);
const JOIN: TenantCommand =
    TenantCommand::new("insert into app.memberships (account_id, user_id) values ($1, $2)");
const ROLES: TenantCommand = TenantCommand::new(
    "insert into app.roles (account_id, id, name, standard, priority, permissions, created_by, updated_by)
     select $1, role.id, role.name, true, role.priority, string_to_array(role.permissions, ' '), $2, $2
     from unnest($3::uuid[], $4::text[], $5::int4[], $6::text[]) as role (id, name, priority, permissions)",
);
const APPOINT: TenantCommand =
    TenantCommand::new("insert into app.member_roles (account_id, user_id, role_id) values ($1, $2, $3)");

/// Initializes a new account and makes `founder` its owner.
pub(crate) async fn initialize_account(
    tx: &mut TenantTx,
    account: AccountId,
    name: &str,
    slug: &str,
    founder: UserId,
) -> Result<()> {
    let opened = Change::new("auth.account.opened", "account", account.into(), "opened");
    let opened = opened.with(json!({ "name": name, "slug": slug, "owner": founder }));
    tx.execute_audited::<()>(OPEN, opened).bind(name).bind(founder).run().await?;
    tx.execute_untracked::<()>(JOIN).bind(founder).run().await?;

    let roles: Vec<(Uuid, _)> = STANDARD_ROLES.iter().map(|role| (Uuid::now_v7(), role)).collect();
    let ids: Vec<Uuid> = roles.iter().map(|(id, _)| *id).collect();
    let names: Vec<&str> = roles.iter().map(|(_, role)| role.name).collect();
    let priorities: Vec<i32> = roles.iter().map(|(_, role)| role.priority).collect();
    let permissions: Vec<String> = roles.iter().map(|(_, role)| role.permissions.join(" ")).collect();
    let statement = tx.execute_untracked::<()>(ROLES).bind(founder).bind(ids).bind(names);
    statement.bind(priorities).bind(permissions).run().await?;
    if let Some((owner, _)) = roles.iter().find(|(_, role)| role.name == OWNER) {
        tx.execute_untracked::<()>(APPOINT).bind(founder).bind(owner).run().await?;
    }
    Ok(())
}
