use std::io::IsTerminal as _;

use anyhow::Context as _;
use auth_service::{NewOwner, create_owner_account};
use clap::Args;
use identity::Secret;
use kernel::Clock;
use migrate::NoHooks;
use revocation::Revocations;
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::{Context, Target};
use crate::{demo, output};

#[derive(Debug, Args)]
pub(super) struct Seed {
    /// E-mail of the administrator; required in production.
    #[arg(long)]
    email: Option<String>,
    /// Name of the administrator's company.
    #[arg(long, value_name = "NAME", default_value = "Administration")]
    account: String,
}

impl Seed {
    pub(super) async fn run(self, context: &mut Context) -> anyhow::Result<bool> {
        let production = context.env.production();
        let target = context.target().await?;
        let done = match &self.email {
            // E-mail addresses must not be logged.
            Some(email) => {
                let work = self.administrator(context, &target, email);
                target.record("create the first administrator", work).await
            }
            None if production => {
                Err(anyhow::anyhow!("in production only the first administrator is made: give --email"))
            }
            None => target.record("create the sample accounts", samples(context, &target)).await,
        };
        target.leave().await?;
        done
    }

    /// Prompts for the password; without a terminal it is generated and shown once.
    async fn administrator(&self, context: &Context, target: &Target, email: &str) -> anyhow::Result<bool> {
        let mut conn = PgConnection::connect_with(&target.migrator).await?;
        let (people,): (i64,) = sqlx::query_as("select count(*) from app.users").fetch_one(&mut conn).await?;
        conn.close().await?;
        anyhow::ensure!(people == 0, "there are people already: the first administrator is there");
        let asked = std::io::stdin().is_terminal();
        let password = if asked {
            rpassword::prompt_password(format!("Password for {email}: "))?
        } else {
            Secret::generate().text().expose_secret().to_owned()
        };
        identity::check_strength(&password, &[email, &self.account])?;
        let founder = NewOwner {
            email: email.to_owned(),
            display_name: email.to_owned(),
            account_name: self.account.clone(),
            password: password.as_str().into(),
        };
        let app = auth(context, target).await?;
        anyhow::ensure!(create_owner_account(&app, founder).await?.is_some(), "{email} is there already");
        let shown = (!asked).then_some(&password);
        if context.json {
            output::json(&json!({ "email": email, "account": self.account, "password": shown }))?;
        } else {
            output::line(&format!("{email} is the owner of {}", self.account));
            if let Some(password) = shown {
                output::line(&format!("password, shown this once: {password}"));
            }
        }
        Ok(true)
    }
}

async fn samples(context: &Context, target: &Target) -> anyhow::Result<bool> {
    let app = auth(context, target).await?;
    let verifier = app.verifier.clone();
    let mut env = target.env_for(&context.env, "nexo_app", "DATABASE_URL")?;
    let crm = crm_service::Config::read(&mut env);
    env.finish()?;
    let db = crm.database.open(&NoHooks).await?.with_cursor_key(&crm.secret);
    let crm = crm_service::router(crm_service::App { db, verifier }).0;
    let logins = Box::pin(demo::fill(app, &crm)).await?;
    if context.json {
        let logins: Vec<_> =
            logins.iter().map(|one| json!({ "account": one.account, "email": one.email })).collect();
        output::json(&logins)?;
    } else {
        for login in logins {
            output::line(&format!("{}: {} with {}", login.account, login.email, login.password));
        }
    }
    Ok(true)
}

/// Builds the state of auth-service in this process.
async fn auth(context: &Context, target: &Target) -> anyhow::Result<auth_service::App> {
    let mut env = target.env_for(&context.env, "nexo_auth", "AUTH_DATABASE_URL")?;
    let config = auth_service::Config::read(&mut env);
    env.finish()?;
    let db = config.database.open(&NoHooks).await.context("run `nexo db migrate` first")?;
    Ok(config.app(db, &Revocations::default(), &Clock::system()).await?)
}
