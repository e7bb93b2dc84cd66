//! Uploaded files in the database, stored in parts so that no process holds a whole file in memory.

use db::{TenantCommand, TenantQuery, TenantTx};
use uuid::Uuid;

use super::csv::{CsvReader, Position, TableRow};
use crate::imports::refusal::ImportRefusal;

/// Size of a stored part in bytes.
pub(in crate::imports) const PART: usize = 256 * 1024;

/// Maximum number of bytes processed in one batch.
const MAX_READ_BYTES: i64 = 2 * 1024 * 1024;

const KEEP: TenantCommand = TenantCommand::new(
    "insert into app.import_parts (account_id, import_id, part, starts_at, bytes) values ($1, $2, $3, $4, $5)
     on conflict (account_id, import_id, part) do update set starts_at = excluded.starts_at, bytes = excluded.bytes",
);
const NTH: TenantQuery = TenantQuery::new(
    "select bytes from app.import_parts where account_id = $1 and import_id = $2 and part = $3",
);
const FROM: TenantQuery = TenantQuery::new(
    "select substring(bytes from ($3 - starts_at + 1)::integer), starts_at + length(bytes) = (
         select starts_at + length(bytes) from app.import_parts where account_id = $1 and import_id = $2 order by part desc limit 1)
     from app.import_parts
     where account_id = $1 and import_id = $2 and starts_at <= $3 and starts_at + length(bytes) > $3 order by part limit 1",
);
const DROP: TenantCommand =
    TenantCommand::new("delete from app.import_parts where account_id = $1 and import_id = $2");

/// Stores a part, replacing an existing one.
pub(in crate::imports) async fn keep(
    tx: &mut TenantTx,
    import: Uuid,
    part: i64,
    starts_at: i64,
    bytes: &[u8],
) -> db::Result<()> {
    let statement = tx.execute_untracked::<()>(KEEP).bind(import).bind(part).bind(starts_at);
    statement.bind(bytes.to_vec()).run().await?;
    Ok(())
}

/// Loads the part with this number.
pub(in crate::imports) async fn nth(
    tx: &mut TenantTx,
    import: Uuid,
    part: i64,
) -> db::Result<Option<Vec<u8>>> {
    let found: Option<(Vec<u8>,)> = tx.read(NTH).bind(import).bind(part).optional().await?;
    Ok(found.map(|(bytes,)| bytes))
}

/// Deletes all parts of the file.
pub(in crate::imports) async fn forget(tx: &mut TenantTx, import: Uuid) -> db::Result<()> {
    tx.execute_untracked::<()>(DROP).bind(import).run().await?;
    Ok(())
}

/// Reads the rows of a file, starting at a given position.
pub(in crate::imports) struct RowReader {
    import: Uuid,
    table: CsvReader,
    last: bool,
}

impl RowReader {
    pub(in crate::imports) fn from(import: Uuid, delimiter: u8, place: Position) -> Self {
        Self { import, table: CsvReader::new(delimiter, place), last: false }
    }

    /// Position of the next row.
    pub(in crate::imports) fn place(&self) -> Position {
        self.table.place()
    }

    /// Restarts at the first row.
    pub(in crate::imports) fn begin_again(&mut self) {
        *self = Self { import: self.import, table: self.table.again(), last: false };
    }

    /// Reads the next rows: at most `most`, and about 2 MiB; empty at the end of the file.
    pub(in crate::imports) async fn next(
        &mut self,
        tx: &mut TenantTx,
        most: usize,
    ) -> db::Result<Vec<TableRow>> {
        let (mut lines, end) = (Vec::with_capacity(most), self.table.place().byte + MAX_READ_BYTES);
        while lines.len() < most && self.table.place().byte < end {
            match self.table.next(self.last).map_err(|endless| ImportRefusal::Endless(endless.0))? {
                Some(line) => lines.push(line),
                None if self.last => break,
                None => self.read(tx).await?,
            }
        }
        Ok(lines)
    }

    async fn read(&mut self, tx: &mut TenantTx) -> db::Result<()> {
        let part = tx.read::<(Vec<u8>, bool)>(FROM).bind(self.import).bind(self.table.wants());
        match part.optional().await? {
            Some((bytes, last)) => {
                self.table.feed(&bytes);
                self.last = last;
            }
            None => self.last = true,
        }
        Ok(())
    }
}
