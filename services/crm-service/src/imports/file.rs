//! Files as the database keeps them: in parts, so that nobody ever holds all of one.

use db::{Scoped, ScopedWrite, TenantTx};
use uuid::Uuid;

use super::{
    refusal::ImportRefusal,
    table::{Line, Place, Table},
};

/// How large a part is, as it arrives.
pub(super) const PART: usize = 256 * 1024;

/// How much of a file is looked at together.
const MOST: i64 = 2 * 1024 * 1024;

const KEEP: ScopedWrite = ScopedWrite::new(
    "insert into app.import_parts (account_id, import_id, part, starts_at, bytes) values ($1, $2, $3, $4, $5)
     on conflict (account_id, import_id, part) do update set starts_at = excluded.starts_at, bytes = excluded.bytes",
);
const NTH: Scoped =
    Scoped::new("select bytes from app.import_parts where account_id = $1 and import_id = $2 and part = $3");
const FROM: Scoped = Scoped::new(
    "select substring(bytes from ($3 - starts_at + 1)::integer), starts_at + length(bytes) = (
         select starts_at + length(bytes) from app.import_parts where account_id = $1 and import_id = $2 order by part desc limit 1)
     from app.import_parts
     where account_id = $1 and import_id = $2 and starts_at <= $3 and starts_at + length(bytes) > $3 order by part limit 1",
);
const DROP: ScopedWrite =
    ScopedWrite::new("delete from app.import_parts where account_id = $1 and import_id = $2");

/// Keeps a part, over one that is there.
pub(super) async fn keep(
    tx: &mut TenantTx,
    import: Uuid,
    part: i64,
    starts_at: i64,
    bytes: &[u8],
) -> db::Result<()> {
    let statement = tx.write_unnoted::<()>(KEEP).bind(import).bind(part).bind(starts_at);
    statement.bind(bytes.to_vec()).run().await?;
    Ok(())
}

/// The part of this number.
pub(super) async fn nth(tx: &mut TenantTx, import: Uuid, part: i64) -> db::Result<Option<Vec<u8>>> {
    let found: Option<(Vec<u8>,)> = tx.read(NTH).bind(import).bind(part).optional().await?;
    Ok(found.map(|(bytes,)| bytes))
}

/// Lets go of the file.
pub(super) async fn forget(tx: &mut TenantTx, import: Uuid) -> db::Result<()> {
    tx.write_unnoted::<()>(DROP).bind(import).run().await?;
    Ok(())
}

/// Reads the lines of a file, from wherever somebody has stopped.
pub(super) struct Lines {
    import: Uuid,
    table: Table,
    last: bool,
}

impl Lines {
    pub(super) fn from(import: Uuid, delimiter: u8, place: Place) -> Self {
        Self { import, table: Table::new(delimiter, place), last: false }
    }

    /// Where the next line begins.
    pub(super) fn place(&self) -> Place {
        self.table.place()
    }

    /// From the first line once more.
    pub(super) fn begin_again(&mut self) {
        *self = Self { import: self.import, table: self.table.again(), last: false };
    }

    /// The next lines, at most so many, and of about 2 MiB; none at the end of the file.
    pub(super) async fn next(&mut self, tx: &mut TenantTx, most: usize) -> db::Result<Vec<Line>> {
        let (mut lines, end) = (Vec::with_capacity(most), self.table.place().byte + MOST);
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
