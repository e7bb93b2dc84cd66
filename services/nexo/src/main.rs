//! `nexo`: the whole system in one process, and the operator's commands.

mod account;
mod account_lookup;
mod audit;
mod completions;
mod confirm;
mod db;
mod demo;
mod exit_code;
mod health;
mod isolation;
mod keys;
mod logins;
mod maintenance;
mod openapi;
mod operator_log;
mod output;
mod private_server;
mod progress;
mod up;
mod users;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use kernel::Env;
use web::{start_command_telemetry, start_telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// NEXO, a multi-tenant CRM backend whose database isolates its tenants.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything: PostgreSQL (with its data in .nexo/), migrations, gateway, auth and crm.
    ///
    /// With `DATABASE_URL`, `AUTH_DATABASE_URL` and `MIGRATION_DATABASE_URL` it uses that server instead.
    Up {
        /// Create two accounts with sample clients, and print their logins.
        #[arg(long)]
        demo: bool,
    },
    Db(db::Db),
    Keys(keys::Keys),
    Audit(audit::Audit),
    Account(account::Account),
    Logins(logins::Logins),
    Users(users::Users),
    Maintenance(maintenance::Maintenance),
    /// Verify that the database isolates accounts.
    #[command(subcommand)]
    Isolation(isolation::Command),
    /// Check whether a running service is ready; for container health checks.
    Healthcheck {
        /// URL to check, or an address such as `localhost:3000`; by default the gateway at `NEXO_GATEWAY_LISTEN`.
        #[arg(value_parser = health::url)]
        url: Option<hyper::Uri>,
    },
    /// Print the API document (OpenAPI 3.1), without a database. Exit code 1: its parts contradict each other.
    Openapi,
    /// Print a completion script for a shell: `source <(nexo completions bash)`.
    Completions {
        /// Shell to generate the script for.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    completions::answer(); // before the runtime starts: it creates its own
    begin()
}

#[tokio::main]
async fn begin() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => run(arguments.command).await,
        Err(asked) => return output::finish(usage(&asked)),
    };
    output::finish(done.unwrap_or_else(|error| {
        output::problem(&output::causes(&error));
        ExitCode::from(exit_code::of(&error))
    }))
}

/// Help and version are results on standard output; usage errors go to standard error.
fn usage(asked: &clap::Error) -> ExitCode {
    if asked.use_stderr() {
        let _ = asked.print(); // standard output may be closed
        return ExitCode::from(exit_code::FAILED);
    }
    let shown = asked.render();
    let text = if io::stdout().is_terminal() { shown.ansi().to_string() } else { shown.to_string() };
    output::line(text.trim_end());
    ExitCode::SUCCESS
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let mut env = Env::from_process();
    if matches!(command, Command::Up { .. }) {
        start_telemetry(&mut env);
    } else {
        start_command_telemetry(&mut env);
        env.snapshot()?; // `up` reports these with its own
        env = env.without_writing();
    }
    match command {
        Command::Up { demo } => Box::pin(up::up(env, demo)).await,
        Command::Db(command) => Ok(Box::pin(db::run(env, command)).await),
        Command::Keys(command) => Ok(Box::pin(keys::run(env, command)).await),
        Command::Audit(command) => Box::pin(audit::run(env, command)).await,
        Command::Account(command) => Box::pin(account::run(env, command)).await,
        Command::Logins(command) => Box::pin(logins::run(env, command)).await,
        Command::Users(command) => Box::pin(users::run(env, command)).await,
        Command::Maintenance(command) => Box::pin(maintenance::run(env, command)).await,
        Command::Isolation(command) => isolation::run(env, command).await,
        Command::Healthcheck { url } => health::check(env, url).await,
        Command::Openapi => openapi::run(),
        Command::Completions { shell } => {
            completions::script(shell)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
