//! Look-up of an account before a restore, which would otherwise load the whole backup in vain.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::Stdio,
};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::export::find;
use crate::{
    Config, Error, Name, ProgressListener, Stage, archive,
    libpq::{self, Running},
    store::ARCHIVE,
    tables::reader,
};

impl Config {
    /// Fails if neither the live database nor the backup has an account with this slug or id. The backup is read only
    /// if the live database does not know it: the account may have been deleted since.
    pub async fn insist_on_account(
        &self,
        backup: &Name,
        live: &PgConnectOptions,
        account: &str,
    ) -> Result<(), Error> {
        let mut conn = PgConnection::connect_with(&reader(live, "nexo-tenant find")).await?;
        let found = find(&mut conn, account).await;
        conn.close().await?;
        match found {
            Err(Error::NoAccount(_)) if self.has_account(backup, account).await? => Ok(()),
            other => other.map(drop),
        }
    }

    async fn has_account(&self, backup: &Name, account: &str) -> Result<bool, Error> {
        let manifest = self.manifest(backup)?;
        let programs = self.reading_programs(manifest.major(), "read this backup")?;
        let mut command = libpq::program(&programs, "pg_restore", &PgConnectOptions::new_without_pgpass());
        command.args(["--data-only", "--schema=app", "--table=account_directory", "--file=-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut restore = Running::start(command, "pg_restore")?;
        let mut input = restore.child().stdin.take().ok_or(Error::Ended)?;
        let output = restore.child().stdout.take().ok_or(Error::Ended)?;
        let (path, identities) = (self.local.file(backup, ARCHIVE), self.identities.clone());
        let unpacked = tokio::task::spawn_blocking(move || {
            let counter = ProgressListener::default().counter(Stage::Read, 0);
            archive::unpack(&path, &manifest.name, &manifest.archive, &identities, &mut input, &counter)
        });
        let wanted = account.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let found = names(output, &wanted);
            restore.finish().and(found.map_err(Error::Stream))
        });
        let (unpacked, found) = (unpacked.await, found.await);
        match unpacked.map_err(|_| Error::Ended)? {
            Ok(()) | Err(Error::Stream(_)) => found.map_err(|_| Error::Ended)?, // it may end before its input does
            Err(failed) => Err(failed),
        }
    }
}

/// Whether the rows of `app.account_directory` in the output of `pg_restore` name this account.
fn names(output: impl Read, account: &str) -> std::io::Result<bool> {
    let (mut columns, mut found) = (Vec::new(), false);
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(list) = line.strip_prefix("COPY app.account_directory (") {
            let list = list.split(')').next().unwrap_or_default();
            columns = list.split(", ").map(ToOwned::to_owned).collect();
        } else if line == "\\." {
            columns.clear();
        }
        let mut fields = columns.iter().zip(line.split('\t'));
        found |=
            fields.any(|(column, field)| ["account_id", "slug"].contains(&&**column) && field == account);
    }
    Ok(found)
}
