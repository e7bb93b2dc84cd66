use migrate::CatalogObject;
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    Config, Error, Manifest, Name, Origin, Status, VerificationLevel,
    manifest::FORMAT,
    signed::purpose,
    store::{ARCHIVE, CATALOGUE, MANIFEST, SCHEMA, STATUS},
};

/// A backup as listed, with its state.
#[derive(Debug, Clone, Serialize)]
pub struct ListedBackup {
    /// Name of the backup, unique in a store.
    pub name: Name,
    /// Present state of the backup.
    pub standing: BackupState,
    /// Reason for the state `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Purpose that it was taken for.
    pub origin: Origin,
    /// Manifest; `None` if it is not authentic or is in a remote store only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// Verifications, pin and drill results.
    pub status: Status,
    /// Stores that have the backup.
    pub places: Vec<String>,
}

/// State of a backup, as far as it was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupState {
    /// The backup is stored, but was not read yet.
    Stored,
    /// The archive was read completely: it can be unpacked, and nothing more is known.
    Read,
    /// The backup was restored and compared successfully.
    Verified,
    /// A part is missing, unreadable or changed; or the restored data differed.
    Failed,
    /// The backup is in a remote store only; restoring or verifying it fetches it.
    Away,
}

impl ListedBackup {
    /// Whether the backup can be restored, as far as is known.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.standing != BackupState::Failed
    }

    /// Whether the whole archive was read successfully.
    pub(crate) fn was_read(&self) -> bool {
        matches!(self.standing, BackupState::Read | BackupState::Verified)
    }

    /// Time of the snapshot.
    pub(crate) fn at(&self) -> Option<OffsetDateTime> {
        self.manifest.as_ref().map(|manifest| manifest.made.at)
    }
}

impl Config {
    /// Lists all backups of the local store, newest first. Detects missing files and wrong lengths.
    pub fn backups(&self) -> Result<Vec<ListedBackup>, Error> {
        let names = self.local.names()?;
        Ok(names.into_iter().rev().map(|name| self.entry(name)).collect())
    }

    pub(crate) fn entry(&self, name: Name) -> ListedBackup {
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
            _ if failure.is_some() => BackupState::Failed,
            Some(VerificationLevel::Restored) => BackupState::Verified,
            Some(VerificationLevel::Archive) => BackupState::Read,
            Some(VerificationLevel::Hashes) | None => BackupState::Stored,
        };
        let origin = manifest.as_ref().map_or_else(|| Origin::of_label(name.label()), Manifest::origin);
        ListedBackup { name, standing, failure, origin, manifest, status, places }
    }

    /// Detects damage without reading content: a missing or unreadable file, or a wrong length.
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

    /// Lists the backups of the local store and of all remote stores.
    pub async fn backups_everywhere(&self) -> Result<Vec<ListedBackup>, Error> {
        let mut entries = self.backups()?;
        for remote in &self.remotes {
            for name in remote.names().await? {
                let place = format!("{remote}/{name}");
                if let Some(entry) = entries.iter_mut().find(|entry| entry.name == name) {
                    entry.places.push(place);
                } else {
                    entries.push(ListedBackup {
                        standing: BackupState::Away,
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

    /// Reads the manifest of a backup and verifies its signature.
    pub fn manifest(&self, name: &Name) -> Result<Manifest, Error> {
        let damaged = |what: String| Error::Damaged { name: name.clone(), what };
        let bytes = self.part(name, MANIFEST)?;
        let manifest: Option<Manifest> = self.signer.open(&purpose(MANIFEST, name), &bytes);
        let manifest = manifest.filter(|manifest| manifest.name == *name).ok_or_else(|| {
            damaged("its manifest was not written with this NEXO_SECRET, or was changed".to_owned())
        })?;
        if manifest.format > FORMAT { Err(Error::Later(name.clone())) } else { Ok(manifest) }
    }

    /// Reads the catalogue of the backup and verifies its signature.
    pub(crate) fn catalogue(&self, name: &Name) -> Result<Vec<CatalogObject>, Error> {
        let bytes = self.part(name, CATALOGUE)?;
        self.signer.open(&purpose(CATALOGUE, name), &bytes).ok_or_else(|| Error::Damaged {
            name: name.clone(),
            what: "its catalogue was changed".to_owned(),
        })
    }

    /// Reads a small file of a backup. A missing or unreadable file counts as damage, like a changed one.
    pub(crate) fn part(&self, name: &Name, file: &str) -> Result<Vec<u8>, Error> {
        self.local.read(name, file).map_err(|failed| match failed {
            Error::File { source, .. } => {
                Error::Damaged { name: name.clone(), what: format!("its {file}: {source}") }
            }
            other => other,
        })
    }

    /// Reads the status of a backup. One that is not authentic is treated as pinned and failed.
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

    /// Pins a backup with a reason, so that it is never removed; `None` releases it, even if it was named by a
    /// person.
    pub async fn pin(&self, name: &Name, reason: Option<String>) -> Result<(), Error> {
        self.note(name, |status| {
            status.released = reason.is_none();
            status.pinned = reason;
        })
        .await
    }
}
