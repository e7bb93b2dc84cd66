//! Archive file of an account.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read, Write},
    path::Path,
};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, disk, signed::hex};

pub(super) const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// Manifest of an account's archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveHeader {
    /// Version of the archive's format.
    pub format: u32,
    /// Identifier of the account.
    pub account_id: Uuid,
    /// Slug of the exported account.
    pub slug: String,
    /// Name of the exported account.
    pub name: String,
    /// Time of the snapshot in which its rows were read.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// NEXO release that wrote the archive.
    pub nexo: String,
    /// Migration version of the schema.
    pub schema_version: String,
    /// Contents of its people and tables, in insertion order.
    pub tables: Vec<TableContent>,
}

/// Content of one table of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContent {
    /// Name without schema; `people` holds the users of `memberships`.
    pub name: String,
    /// Number of rows in the table.
    pub rows: u64,
    /// SHA-256 of its lines, in hex.
    pub sha256: String,
}

/// A person in an archive, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedPerson {
    /// Identifier of the user in the source installation.
    pub id: Uuid,
    /// E-mail address, which identifies an existing user at the import.
    pub email: String,
    /// Display name of the person.
    pub display_name: String,
    /// `person`, or `service` for a service account, which nothing can log in as.
    #[serde(default = "a_person")]
    pub kind: String,
}

/// Default for archives that predate service accounts.
fn a_person() -> String {
    "person".to_owned()
}

/// Lines of a table, and the JSON Schema of a row.
pub(super) struct TablePart {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) lines: tempfile::NamedTempFile,
    pub(super) sha256: String,
    pub(super) schema: serde_json::Value,
}

/// Writer of lines that also hashes them.
pub(super) struct HashingLines {
    file: std::io::BufWriter<tempfile::NamedTempFile>,
    hash: digest::Context,
    rows: u64,
}

impl HashingLines {
    pub(super) fn new(beside: &Path) -> Result<Self, Error> {
        let folder =
            beside.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder).map_err(Error::file(folder))?;
        Ok(Self { file: std::io::BufWriter::new(file), hash: digest::Context::new(&digest::SHA256), rows: 0 })
    }

    pub(super) fn push(&mut self, line: &str) -> Result<(), Error> {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.rows += 1;
        writeln!(self.file, "{line}").map_err(Error::Stream)
    }

    pub(super) fn finish(self, name: &str, schema: serde_json::Value) -> Result<TablePart, Error> {
        let lines = self.file.into_inner().map_err(|failed| Error::Stream(failed.into_error()))?;
        let sha256 = hex(self.hash.finish().as_ref());
        Ok(TablePart { name: name.to_owned(), rows: self.rows, lines, sha256, schema })
    }
}

/// Fails before any work if the target exists and may not be overwritten, or is not a regular file, such as a
/// device.
pub(super) fn insist_free(path: &Path, overwrite: bool) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::NoFile { path: path.to_owned() }),
        Ok(_) if !overwrite => Err(Error::There { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// Writes the archive to a temporary file, and then renames it.
pub(super) fn write(
    path: &Path,
    about: &ArchiveHeader,
    parts: &[TablePart],
    overwrite: bool,
) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = tempfile::NamedTempFile::new_in(folder).map_err(Error::file(folder))?; // readable by its owner only
    let mut encoder = zstd::Encoder::new(new, 3).map_err(Error::Stream)?;
    encoder.include_checksum(true).map_err(Error::Stream)?;
    let mut tar = tar::Builder::new(encoder);
    let mut add = |name: &str, length: u64, content: &mut dyn Read| {
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(about.at.unix_timestamp()).unwrap_or_default());
        tar.append_data(&mut header, name, content).map_err(Error::Stream)
    };
    let manifest = serde_json::to_vec_pretty(about)?;
    add(MANIFEST, manifest.len() as u64, &mut manifest.as_slice())?;
    for part in parts {
        let schema = serde_json::to_vec_pretty(&part.schema)?;
        add(&format!("schema/{}.json", part.name), schema.len() as u64, &mut schema.as_slice())?;
    }
    for part in parts {
        let mut lines = part.lines.reopen().map_err(Error::Stream)?;
        let length = lines.metadata().map_err(Error::Stream)?.len();
        add(&format!("data/{}.ndjson", part.name), length, &mut lines)?;
    }
    let new = tar.into_inner().and_then(zstd::Encoder::finish).map_err(Error::Stream)?;
    new.as_file().sync_all().map_err(Error::file(path))?;
    let kept = if overwrite { new.persist(path) } else { new.persist_noclobber(path) };
    kept.map_err(|failed| match failed.error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::There { path: path.to_owned() },
        _ => Error::file(path)(failed.error),
    })?;
    disk::sync_folder(folder)
}

/// An unpacked archive, deleted on drop.
pub struct OpenArchive {
    /// Manifest of the archive.
    pub about: ArchiveHeader,
    folder: tempfile::TempDir,
}

/// Whether the name is safe as a file name (no path traversal).
fn is_plain(table: &str) -> bool {
    !table.is_empty() && table.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Maximum unpacked size: 100 GB of text.
const MAX_BYTES: u64 = 100 << 30;

impl OpenArchive {
    /// Unpacks the archive and verifies the hash of each table before anything is used.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let broken = |what: String| Error::Archive { path: path.to_owned(), what };
        let file = File::open(path).map_err(Error::file(path))?;
        let plain = zstd::Decoder::new(file).map_err(|failed| broken(failed.to_string()))?;
        let mut tar = tar::Archive::new(plain.take(MAX_BYTES));
        let folder = tempfile::tempdir().map_err(Error::Stream)?;
        let mut about: Option<ArchiveHeader> = None;
        for entry in tar.entries().map_err(|failed| broken(failed.to_string()))? {
            let mut entry = entry.map_err(|failed| broken(failed.to_string()))?;
            let name = entry.path().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name == MANIFEST {
                let mut text = String::new();
                entry.read_to_string(&mut text).map_err(|failed| broken(failed.to_string()))?;
                let read =
                    serde_json::from_str(&text).map_err(|wrong| broken(format!("{MANIFEST}: {wrong}")))?;
                about = Some(read);
            } else if let Some(table) =
                name.strip_prefix("data/").and_then(|name| name.strip_suffix(".ndjson"))
            {
                if !is_plain(table) {
                    return Err(broken(format!("`{name}` is none of its files")));
                }
                let mut out = File::create(folder.path().join(table)).map_err(Error::Stream)?;
                std::io::copy(&mut entry, &mut out).map_err(|failed| broken(failed.to_string()))?;
            }
        }
        let about = about.ok_or_else(|| broken(format!("it has no {MANIFEST}")))?;
        if about.format != FORMAT {
            return Err(broken(format!("its format is {}, and this release reads {FORMAT}", about.format)));
        }
        if let Some(odd) = about.tables.iter().find(|table| !is_plain(&table.name)) {
            return Err(broken(format!("`{}` is the name of no table", odd.name)));
        }
        let content = Self { about, folder };
        content.about.tables.iter().try_for_each(|table| content.intact(table).map_err(broken))?;
        Ok(content)
    }

    fn intact(&self, table: &TableContent) -> Result<(), String> {
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut rows = 0;
        for line in self.lines(&table.name).map_err(|failed| format!("{}: {failed}", table.name))? {
            let line = line.map_err(|failed| format!("{}: {failed}", table.name))?;
            hash.update(line.as_bytes());
            hash.update(b"\n");
            rows += 1;
        }
        let same = rows == table.rows && hex(hash.finish().as_ref()) == table.sha256;
        if same { Ok(()) } else { Err(format!("{} is not as it was written", table.name)) }
    }

    /// Lines of a table, one row each.
    pub(super) fn lines(
        &self,
        table: &str,
    ) -> Result<impl Iterator<Item = Result<String, Error>> + use<>, Error> {
        let file = File::open(self.folder.path().join(table)).map_err(Error::file(table))?;
        Ok(BufReader::new(file).lines().map(|line| line.map_err(Error::Stream)))
    }
}
