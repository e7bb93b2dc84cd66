//! `nexo`: the whole system in one process, and the operator's commands.

mod account;
mod audit;
mod confirm;
mod db;
mod health;
mod isolation;
mod keys;
mod logins;
mod progress;
mod say;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::{Shell, generate};
use kernel::Env;
use web::start_telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// NEXO, a multi-tenant CRM backend whose database keeps its tenants apart.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything: PostgreSQL (its data stay in .nexo/), migrations, gateway, auth and crm.
    ///
    /// With `DATABASE_URL`, `NEXO_AUTH_DATABASE_URL` and `MIGRATION_DATABASE_URL` it uses that server instead.
    Up {
        /// Make two accounts with sample clients, and tell how to log in.
        #[arg(long)]
        demo: bool,
    },
    Db(db::Db),
    Keys(keys::Keys),
    Audit(audit::Audit),
    Account(account::Account),
    Logins(logins::Logins),
    /// Check that the database keeps accounts apart.
    #[command(subcommand)]
    Isolation(isolation::Command),
    /// Ask a running service whether it is ready; for container health checks.
    Healthcheck {
        /// What to ask.
        #[arg(default_value = "http://127.0.0.1:3000/health/ready")]
        url: hyper::Uri,
    },
    /// Print what a shell needs to complete `nexo` commands: `source <(nexo completions bash)`.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut env = Env::of_process();
    start_telemetry(&mut env);
    let done = match arguments.command {
        Command::Up { demo } => Box::pin(up::up(env, demo)).await,
        Command::Db(command) => Ok(Box::pin(db::run(env, command)).await),
        Command::Keys(command) => Ok(Box::pin(keys::run(env, command)).await),
        Command::Audit(command) => Box::pin(audit::run(env, command)).await,
        Command::Account(command) => Box::pin(account::run(env, command)).await,
        Command::Logins(command) => Box::pin(logins::run(env, command)).await,
        Command::Isolation(command) => isolation::run(env, command).await,
        Command::Healthcheck { url } => health::check(url).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            generate(shell, &mut Arguments::command(), "nexo", &mut script);
            say::line(String::from_utf8_lossy(&script).trim_end());
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        say::problem(&say::causes(&error));
        ExitCode::from(2)
    })
}
