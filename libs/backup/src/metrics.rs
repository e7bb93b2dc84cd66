//! Backup metrics as a file for the textfile collector of Prometheus' node exporter, in the folder of the backups.

use std::{fmt::Write as _, io::Write as _};

use time::OffsetDateTime;

use crate::{BackupState, Config, Error, ListedBackup, disk};

impl Config {
    /// Updates `metrics.prom` in the folder of the backups. A failure is only logged: missing metrics must not
    /// fail a backup.
    pub(crate) fn tell_monitors(&self) {
        if let Err(failed) = self.write_metrics() {
            tracing::warn!(error = %failed, "metrics.prom is not written");
        }
    }

    /// Current metrics in the text format of Prometheus; empty if the backups cannot be listed.
    #[must_use]
    pub fn told_to_monitors(&self) -> String {
        self.metrics().unwrap_or_else(|failed| {
            tracing::warn!(error = %failed, "backups cannot be looked at");
            String::new()
        })
    }

    /// Whether a backup of a database of the last known size would be refused for lack of space. `None` if no size
    /// is known.
    fn no_room(&self, entries: &[ListedBackup]) -> Option<bool> {
        let manifest = entries.iter().find_map(|entry| entry.manifest.as_ref())?;
        let needed = disk::room(manifest.made.database_bytes) + self.free_floor;
        disk::free(self.local.path()).ok().map(|free| free < needed)
    }

    fn write_metrics(&self) -> Result<(), Error> {
        self.local.prepare()?;
        let path = self.local.path().join("metrics.prom");
        let text = self.metrics()?;
        let mut new = tempfile::NamedTempFile::new_in(self.local.path()).map_err(Error::file(&path))?;
        new.write_all(text.as_bytes()).map_err(Error::file(&path))?;
        new.persist(&path).map_err(|failed| Error::file(&path)(failed.error))?;
        Ok(())
    }

    /// Metrics in the text format of Prometheus.
    fn metrics(&self) -> Result<String, Error> {
        let entries = self.backups()?;
        let newest = |wanted: &[BackupState]| {
            let found = entries.iter().find(|entry| wanted.contains(&entry.standing));
            found.and_then(ListedBackup::at).map(OffsetDateTime::unix_timestamp)
        };
        let drill = entries.iter().find_map(|entry| entry.status.drill.as_ref());
        let failed = entries.iter().filter(|entry| entry.standing == BackupState::Failed);
        let lines = [
            (
                "nexo_backup_newest_timestamp_seconds",
                newest(&[BackupState::Stored, BackupState::Read, BackupState::Verified]),
            ),
            (
                "nexo_backup_newest_read_timestamp_seconds",
                newest(&[BackupState::Read, BackupState::Verified]),
            ),
            ("nexo_backup_newest_verified_timestamp_seconds", newest(&[BackupState::Verified])),
            ("nexo_backups", i64::try_from(entries.len()).ok()),
            ("nexo_backups_failed", i64::try_from(failed.count()).ok()),
            (
                "nexo_backup_free_bytes",
                disk::free(self.local.path()).ok().and_then(|free| i64::try_from(free).ok()),
            ),
            ("nexo_backup_refused_for_space", self.no_room(&entries).map(i64::from)),
            ("nexo_backup_recovery_point_seconds", drill.map(|drill| drill.age_seconds)),
        ];
        let recovery =
            drill.map(|drill| format!("{}.{:03}", drill.recovery_ms / 1_000, drill.recovery_ms % 1_000));
        let lines = lines.map(|(name, value)| (name, value.map(|value| value.to_string())));
        let mut text = String::new();
        for (name, value) in lines.into_iter().chain([("nexo_backup_recovery_time_seconds", recovery)]) {
            if let Some(value) = value {
                let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}"); // writing to a String cannot fail
            }
        }
        Ok(text)
    }
}
