//! The file of an account.

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

/// What an archive is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The form of the archive.
    pub format: u32,
    /// The account.
    pub account_id: Uuid,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// When its rows were read, in one snapshot.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The release that wrote it.
    pub nexo: String,
    /// The migration that the schema was at.
    pub schema_version: String,
    /// Its people and its tables, in the order in which they are to be inserted.
    pub tables: Vec<TableContent>,
}

/// One table of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContent {
    /// Without its schema; `people` are those of `memberships`.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// SHA-256 of its lines, in hex.
    pub sha256: String,
}

/// A person, without any secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// The id in the NEXO that it comes from.
    pub id: Uuid,
    /// The e-mail, by which somebody who is there already is found.
    pub email: String,
    /// The name.
    pub display_name: String,
    /// `person`, or `service` for a program, which is to stay one: nobody logs in as it.
    #[serde(default = "a_person")]
    pub kind: String,
}

/// What everybody was before there were programs.
fn a_person() -> String {
    "person".to_owned()
}

/// A table's lines, and the schema of one.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) lines: tempfile::NamedTempFile,
    pub(super) sha256: String,
    pub(super) schema: serde_json::Value,
}

/// Writes lines and hashes them.
pub(super) struct Lines {
    file: std::io::BufWriter<tempfile::NamedTempFile>,
    hash: digest::Context,
    rows: u64,
}

impl Lines {
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

    pub(super) fn finish(self, name: &str, schema: serde_json::Value) -> Result<Part, Error> {
        let lines = self.file.into_inner().map_err(|failed| Error::Stream(failed.into_error()))?;
        let sha256 = hex(self.hash.finish().as_ref());
        Ok(Part { name: name.to_owned(), rows: self.rows, lines, sha256, schema })
    }
}

/// Refuses, before anything is read, a place where a file is already, or where none can be: a device is not replaced.
pub(super) fn insist_free(path: &Path, overwrite: bool) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::NoFile { path: path.to_owned() }),
        Ok(_) if !overwrite => Err(Error::There { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// Writes the whole archive under another name, and then gives it its own.
pub(super) fn write(path: &Path, about: &About, parts: &[Part], overwrite: bool) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = tempfile::NamedTempFile::new_in(folder).map_err(Error::file(folder))?; // for our eyes alone
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

/// An archive, unpacked for as long as this lives.
pub struct Content {
    /// What it is about.
    pub about: About,
    folder: tempfile::TempDir,
}

/// A file's name must lead nowhere else.
fn is_plain(table: &str) -> bool {
    !table.is_empty() && table.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Nobody unpacks more than this: 100 GB of text.
const MOST_BYTES: u64 = 100 << 30;

impl Content {
    /// Reads the whole archive, and compares each table with its hash, before anything is done with it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let broken = |what: String| Error::Archive { path: path.to_owned(), what };
        let file = File::open(path).map_err(Error::file(path))?;
        let plain = zstd::Decoder::new(file).map_err(|failed| broken(failed.to_string()))?;
        let mut tar = tar::Archive::new(plain.take(MOST_BYTES));
        let folder = tempfile::tempdir().map_err(Error::Stream)?;
        let mut about: Option<About> = None;
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

    /// The rows of a table.
    pub(super) fn lines(
        &self,
        table: &str,
    ) -> Result<impl Iterator<Item = Result<String, Error>> + use<>, Error> {
        let file = File::open(self.folder.path().join(table)).map_err(Error::file(table))?;
        Ok(BufReader::new(file).lines().map(|line| line.map_err(Error::Stream)))
    }
}
