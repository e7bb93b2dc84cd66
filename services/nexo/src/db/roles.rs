use std::str::FromStr as _;

use ::db::{Passwords, prepare_cluster};
use anyhow::Context as _;
use kernel::Env;
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{Context, Target};
use crate::output;

/// Idempotent: existing roles and databases are brought to the desired state.
pub(super) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let superuser = superuser(&mut context.env);
    let passwords = Passwords::of_addresses(&mut context.env);
    context.env.clone().finish()?;
    let target = Target::beside(&mut context.env)?.context("MIGRATION_DATABASE_URL is not set")?;
    let superuser = superuser.context("SUPERUSER_DATABASE_URL is not set")?;
    let work = async { Ok(prepare_cluster(&superuser, &target.name(), &passwords).await?) };
    target.record("create or update the roles and the database", work).await?;
    let mut conn = PgConnection::connect_with(&superuser.database(&target.name())).await?;
    if let Some(problem) = migrate::locale_problem(&mut conn).await? {
        return Err(problem.into());
    }
    conn.close().await?;
    if context.json {
        output::json(&json!({ "database": target.name() }))?;
    } else {
        output::line(&format!("the roles and the database {} are as they should be", target.name()));
    }
    Ok(true)
}

/// URL of a superuser. The password may be given separately, in a file that the server reads too.
fn superuser(env: &mut Env) -> Option<PgConnectOptions> {
    const NAME: &str = "SUPERUSER_DATABASE_URL";
    let text = env.required(NAME, "postgres://postgres:password@host:5432/postgres");
    let password = env.secret("SUPERUSER_PASSWORD");
    let Ok(address) = PgConnectOptions::from_str(&text) else {
        env.report(NAME, "is not an address of PostgreSQL");
        return None;
    };
    Some(match password {
        Some(password) => address.password(password.expose_secret()),
        None => address,
    })
}
