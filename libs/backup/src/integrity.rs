//! Integrity of a backup's files: the first level of a verification, and the first step of a restore.

use crate::{
    Config, Error, Manifest, Name, ProgressListener, Stage, VerificationFailed, VerificationLevel, archive,
    store::{ARCHIVE, SCHEMA},
};

impl Config {
    /// Level 1: verifies signatures, lengths and hashes.
    pub(crate) async fn intact(&self, name: &Name) -> Result<Manifest, Error> {
        let manifest = self.manifest(name)?;
        self.catalogue(name)?;
        let counter = self.watch.counter(Stage::Read, manifest.archive.bytes);
        let (archive, schema) = (self.local.file(name, ARCHIVE), self.local.file(name, SCHEMA));
        tokio::task::spawn_blocking(move || {
            archive::intact(
                &schema,
                &manifest.name,
                &manifest.schema,
                &ProgressListener::default().counter(Stage::Read, 0),
            )?;
            archive::intact(&archive, &manifest.name, &manifest.archive, &counter)?;
            Ok(manifest)
        })
        .await
        .map_err(|_| Error::Ended)?
    }

    /// Records a failure that proves the backup bad. Other errors, such as missing programs, prove nothing.
    pub(crate) async fn note_failure(&self, name: &Name, refused: &Error, tried: VerificationLevel) {
        let level = match refused {
            Error::Damaged { .. } => tried.min(VerificationLevel::Archive),
            Error::Differs { .. } => VerificationLevel::Restored,
            _ => return,
        };
        let failure = VerificationFailed { at: self.now(), why: refused.to_string(), level: Some(level) };
        if let Err(failed) = self.note(name, |status| status.failed = Some(failure)).await {
            tracing::warn!(error = %failed, backup = %name, "that it failed could not be noted beside it");
        }
    }
}
