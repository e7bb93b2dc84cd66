use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    Config, Error, Level, Manifest, Name, Origin, Status,
    make::purpose,
    manifest::FORMAT,
    store::{ARCHIVE, CATALOGUE, MANIFEST, SCHEMA, STATUS},
};

/// One backup.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What it is called.
    pub name: Name,
    /// How it stands.
    pub standing: Standing,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What it was taken for.
    pub origin: Origin,
    /// What it holds; `None`: its manifest cannot be trusted, or is in another store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// What became of it.
    pub status: Status,
    /// Where it is.
    pub places: Vec<String>,
}

/// How a backup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is here, and nobody has read it to its end.
    Stored,
    /// It was read to its end: an archive that can be unpacked, and nothing more is known.
    Read,
    /// A database was made of it, and was the same.
    Verified,
    /// A part is missing, cannot be read or was changed; or what came out was not what went in.
    Failed,
    /// It is in another store alone; restoring or verifying it brings it here.
    Away,
}

impl Entry {
    /// Whether a restore may be made of it, as far as is known.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.standing != Standing::Failed
    }

    /// Whether its whole archive was read.
    pub(crate) fn was_read(&self) -> bool {
        matches!(self.standing, Standing::Read | Standing::Verified)
    }

    /// When its snapshot was taken.
    pub(crate) fn at(&self) -> Option<OffsetDateTime> {
        self.manifest.as_ref().map(|manifest| manifest.made.at)
    }
}

impl Config {
    /// All backups that are here, newest first. Files that are missing or of another length are noticed.
    pub fn backups(&self) -> Result<Vec<Entry>, Error> {
        let names = self.local.names()?;
        Ok(names.into_iter().rev().map(|name| self.entry(name)).collect())
    }

    pub(crate) fn entry(&self, name: Name) -> Entry {
        let places = vec![self.local.path().join(name.as_str()).display().to_string()];
        let status = self.status(&name);
        let (manifest, lost) = match self.manifest(&name) {
            Ok(manifest) => {
                let lost = self.missing_part(&manifest);
                (Some(manifest), lost)
            }
            Err(refused) => (None, Some(refused.to_string())),
        };
        let failure = lost.or_else(|| status.failed.as_ref().map(|failed| failed.why.clone()));
        let standing = match status.verified.as_ref().map(|passed| passed.level) {
            _ if failure.is_some() => Standing::Failed,
            Some(Level::Restored) => Standing::Verified,
            Some(Level::Archive) => Standing::Read,
            Some(Level::Hashes) | None => Standing::Stored,
        };
        let origin = manifest.as_ref().map_or_else(|| Origin::of_label(name.label()), Manifest::origin);
        Entry { name, standing, failure, origin, manifest, status, places }
    }

    /// What can be seen without reading it: a file that is gone, closed to us, or of another length.
    fn missing_part(&self, manifest: &Manifest) -> Option<String> {
        let name = &manifest.name;
        let parts = [
            (ARCHIVE, Some(manifest.archive.bytes)),
            (SCHEMA, Some(manifest.schema.bytes)),
            (CATALOGUE, None),
        ];
        parts.into_iter().find_map(|(file, bytes)| match (self.local.length(name, file), bytes) {
            (Err(failed), _) => Some(format!("its {file}: {failed}")),
            (Ok(length), Some(bytes)) if length != bytes => {
                Some(format!("its {file} has {length} bytes of {bytes}"))
            }
            _ => None,
        })
    }

    /// The same, and those that are far away alone.
    pub async fn backups_everywhere(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = self.backups()?;
        for remote in &self.remotes {
            for name in remote.names().await? {
                let place = format!("{remote}/{name}");
                if let Some(entry) = entries.iter_mut().find(|entry| entry.name == name) {
                    entry.places.push(place);
                } else {
                    entries.push(Entry {
                        standing: Standing::Away,
                        failure: None,
                        origin: Origin::of_label(name.label()),
                        manifest: None,
                        status: Status::default(),
                        places: vec![place],
                        name,
                    });
                }
            }
        }
        entries.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(entries)
    }

    /// What a backup holds, if its manifest is as we wrote it.
    pub fn manifest(&self, name: &Name) -> Result<Manifest, Error> {
        let damaged = |what: String| Error::Damaged { name: name.clone(), what };
        let bytes = self.part(name, MANIFEST)?;
        let manifest: Option<Manifest> = self.signer.open(&purpose(MANIFEST, name), &bytes);
        let manifest = manifest.filter(|manifest| manifest.name == *name).ok_or_else(|| {
            damaged("its manifest was not written with this NEXO_SECRET, or was changed".to_owned())
        })?;
        if manifest.format > FORMAT { Err(Error::Later(name.clone())) } else { Ok(manifest) }
    }

    /// A small file of a backup. One that is missing or cannot be read is damage, as a changed one is.
    pub(crate) fn part(&self, name: &Name, file: &str) -> Result<Vec<u8>, Error> {
        self.local.read(name, file).map_err(|failed| match failed {
            Error::File { source, .. } => {
                Error::Damaged { name: name.clone(), what: format!("its {file}: {source}") }
            }
            other => other,
        })
    }

    /// What became of it. One that cannot be trusted may have been pinned.
    pub(crate) fn status(&self, name: &Name) -> Status {
        let bytes = self.local.read(name, STATUS).unwrap_or_default();
        let known = self.signer.open(&purpose(STATUS, name), &bytes);
        known.unwrap_or_else(|| Status::lost(self.now()))
    }

    pub(crate) async fn note(&self, name: &Name, change: impl FnOnce(&mut Status)) -> Result<(), Error> {
        let bytes = {
            let _held = self.local.hold(name)?;
            let mut status = self.status(name);
            change(&mut status);
            let bytes = self.signer.sign(&purpose(STATUS, name), &status)?;
            self.local.replace(name, STATUS, &bytes)?;
            bytes
        };
        for remote in &self.remotes {
            if let Err(failed) = Box::pin(remote.send_one(name, STATUS, bytes.clone())).await {
                tracing::warn!(error = %failed, backup = %name, "what became of it is noted here alone");
            }
        }
        self.tell_monitors();
        Ok(())
    }

    /// Says that a backup is never to be removed, and why; `None`: that it may be, also one that a person named.
    pub async fn pin(&self, name: &Name, reason: Option<String>) -> Result<(), Error> {
        self.note(name, |status| {
            status.released = reason.is_none();
            status.pinned = reason;
        })
        .await
    }
}
