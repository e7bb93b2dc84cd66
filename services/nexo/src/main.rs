//! `nexo`: the whole system in one process, and the operator's commands.

mod account;
mod audit;
mod completions;
mod confirm;
mod db;
mod health;
mod isolation;
mod keys;
mod logins;
mod maintenance;
mod openapi;
mod operator_log;
mod progress;
mod say;
mod up;
mod users;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use clap_complete::Shell;
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
    /// With `DATABASE_URL`, `AUTH_DATABASE_URL` and `MIGRATION_DATABASE_URL` it uses that server instead.
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
    Users(users::Users),
    Maintenance(maintenance::Maintenance),
    /// Check that the database keeps accounts apart.
    #[command(subcommand)]
    Isolation(isolation::Command),
    /// Ask a running service whether it is ready; for container health checks.
    Healthcheck {
        /// What to ask; otherwise the gateway, where `NEXO_GATEWAY_LISTEN` says that it listens.
        url: Option<hyper::Uri>,
    },
    /// Print the API document (OpenAPI 3.1), without a database. Exit code 1: its parts contradict each other.
    Openapi,
    /// Print what a shell needs to complete `nexo` commands: `source <(nexo completions bash)`.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    completions::answer(); // before there is a runtime: it makes one of its own
    begin()
}

#[tokio::main]
async fn begin() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => run(arguments.command).await,
        Err(asked) => return say::finish(usage(&asked)),
    };
    say::finish(done.unwrap_or_else(|error| {
        say::problem(&say::causes(&error));
        ExitCode::from(2)
    }))
}

/// Help and versions are answers; what cannot be understood is a problem.
fn usage(asked: &clap::Error) -> ExitCode {
    if asked.use_stderr() {
        let _ = asked.print(); // nobody may be listening
        return ExitCode::from(2);
    }
    let shown = asked.render();
    let text = if io::stdout().is_terminal() { shown.ansi().to_string() } else { shown.to_string() };
    say::line(text.trim_end());
    ExitCode::SUCCESS
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let mut env = Env::of_process();
    start_telemetry(&mut env);
    if !matches!(command, Command::Up { .. }) {
        env.so_far()?; // `up` tells of these together with its own
        env = env.making_nothing();
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
