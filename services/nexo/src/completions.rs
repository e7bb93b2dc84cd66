//! Shell completion of verbs and options, and of values: slugs of accounts, names of backups, versions.
//!
//! The shell runs `nexo` with `NEXO_COMPLETE` set on every key press. Completion therefore starts no server, waits only
//! for a moment, and is silent without a database.

use std::{env, ffi::OsStr, io, time::Duration};

use clap::{Command, CommandFactory as _};
use clap_complete::{
    CompleteEnv, Shell,
    engine::{ArgValueCompleter, CompletionCandidate},
    env::Shells,
};
use kernel::Env;
use migrate::Migrations;
use pg_server::Cluster;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use crate::{Arguments, db::Target, output};

const ASKED: &str = "NEXO_COMPLETE";
/// Maximum time for a database to list accounts.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(800);
/// Maximum number of accounts offered.
const MAX_CANDIDATES: i64 = 200;

/// Completes and exits if a shell asks for it; otherwise does nothing.
pub(crate) fn answer() {
    CompleteEnv::with_factory(|| with_values(Arguments::command())).var(ASKED).complete();
}

/// Prints the registration script of a shell.
pub(crate) fn script(shell: Shell) -> io::Result<()> {
    let (shells, mut script) = (Shells::builtins(), Vec::new());
    let name = shell.to_string();
    let completer =
        shells.completer(&name).ok_or_else(|| io::Error::other(format!("{name} is not known")))?;
    let program = env::args().next().unwrap_or_else(|| "nexo".to_owned());
    completer.write_registration(ASKED, "nexo", "nexo", &program, &mut script)?;
    output::line(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// Attaches value completers to the arguments.
fn with_values(command: Command) -> Command {
    let verb = command.get_name().to_owned();
    let values = move |id: &str| match (verb.as_str(), id) {
        (_, "account") => Some(ArgValueCompleter::new(slugs)),
        ("verify" | "restore" | "pin" | "move", "name" | "from" | "backup") => {
            Some(ArgValueCompleter::new(backups))
        }
        ("rollback" | "baseline" | "resolve", "to" | "version") => Some(ArgValueCompleter::new(versions)),
        _ => None,
    };
    let command = command.mut_args(|argument| match values(argument.get_id().as_str()) {
        Some(completer) => argument.add(completer),
        None => argument,
    });
    command.mut_subcommands(with_values)
}

fn begin_with(begun: &OsStr, all: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy();
    let matching = all.into_iter().filter(|one| one.starts_with(&*begun));
    matching.map(CompletionCandidate::new).collect()
}

fn env() -> Env {
    Env::from_process().without_writing()
}

/// Names of the local backups, and `latest`.
fn backups(begun: &OsStr) -> Vec<CompletionCandidate> {
    let folder = ::backup::Config::read(&mut env()).folder().to_owned();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && name.contains('_')).collect();
    names.sort_unstable_by(|one, other| other.cmp(one)); // the newest first
    begin_with(begun, std::iter::once("latest".to_owned()).chain(names))
}

/// Versions of the embedded migrations.
fn versions(begun: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(migrations) = Migrations::embedded() else { return Vec::new() };
    begin_with(begun, migrations.iter().map(|migration| migration.version.to_string()))
}

fn slugs(begun: &OsStr) -> Vec<CompletionCandidate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    let prefix = begun.to_string_lossy().into_owned();
    let found = runtime.block_on(async { timeout(LOOKUP_TIMEOUT, known_slugs(&prefix)).await });
    begin_with(begun, found.ok().flatten().unwrap_or_default())
}

/// Slugs with this prefix; `None` if no database responds.
async fn known_slugs(prefix: &str) -> Option<Vec<String>> {
    let mut env = env();
    let target = if let Some(named) = Target::beside(&mut env).ok()? {
        named
    } else {
        let home = env.state_dir();
        Target::of_running(&Cluster::running(&home).ok()??, &home).ok()?
    };
    let mut conn = PgConnection::connect_with(&target.migrator).await.ok()?;
    let slugs: Vec<(String,)> = sqlx::query_as(
        "select slug from app.account_directory where starts_with(slug, $1) order by slug limit $2",
    )
    .bind(prefix)
    .bind(MAX_CANDIDATES)
    .fetch_all(&mut conn)
    .await
    .ok()?;
    Some(slugs.into_iter().map(|(slug,)| slug).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The candidates for a command line with the cursor at its end.
    fn offered(line: &[&str]) -> Vec<String> {
        let words = line.iter().map(Into::into).collect();
        let mut command = with_values(Arguments::command());
        let all = clap_complete::engine::complete(&mut command, words, line.len() - 1, None).unwrap();
        all.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn versions_and_backups_are_offered_where_they_are_asked_for() {
        let first = Migrations::embedded().unwrap().iter().next().unwrap().version.to_string();
        for line in [&["nexo", "db", "rollback", "--to", ""][..], &["nexo", "db", "resolve", ""]] {
            assert!(offered(line).contains(&first), "{line:?}");
        }
        for line in [
            &["nexo", "db", "restore", "l"][..],
            &["nexo", "db", "verify", "l"],
            &["nexo", "db", "pin", "l"],
            &["nexo", "db", "tenant", "restore", "acme", "--from", "l"],
        ] {
            assert_eq!(offered(line), ["latest"], "{line:?}");
        }
    }

    #[test]
    fn every_verb_about_an_account_offers_its_slug() {
        let command = with_values(Arguments::command());
        for path in [
            &["account", "plan"][..],
            &["audit", "verify"],
            &["audit", "rebuild"],
            &["db", "psql"],
            &["db", "tenant", "export"],
            &["db", "tenant", "restore"],
        ] {
            let found = path.iter().try_fold(&command, |above, name| above.find_subcommand(name)).unwrap();
            let account = found.get_arguments().find(|one| one.get_id() == "account");
            assert!(account.unwrap().get::<ArgValueCompleter>().is_some(), "{path:?}");
        }
    }
}
