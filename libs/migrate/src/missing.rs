use std::{fmt, path::PathBuf};

use crate::{Migrations, Release, history::HistoryRow};

/// An applied migration that this program does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingMigration {
    /// Name of the file when it was applied.
    pub file: String,
    /// Folder that lacks it; `None` if it is not embedded in this program.
    folder: Option<PathBuf>,
    /// Oldest compatible release, if its file declares one.
    needs: Option<String>,
    /// Release that applied it.
    applied_by: String,
    /// Whether that release is newer than this program.
    newer: bool,
}

impl MissingMigration {
    pub(crate) fn new(row: &HistoryRow, migrations: &Migrations, release: Option<Release>) -> Self {
        let applied_by: Option<Release> = row.app_version.parse().ok();
        Self {
            file: row.file(),
            folder: migrations.folder().map(ToOwned::to_owned),
            needs: row.min_app.clone(),
            applied_by: row.app_version.clone(),
            newer: applied_by.zip(release).is_none_or(|(theirs, ours)| theirs > ours),
        }
    }
}

impl fmt::Display for MissingMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, folder, needs, applied_by, newer } = self;
        if let Some(folder) = folder {
            return write!(
                f,
                "the database has {file} (applied by release {applied_by}), which is not in {}.\n\
                 Was it deleted or renamed? Put it back as it was, or name the folder that has it",
                folder.display()
            );
        }
        write!(f, "the database has {file}, which this program does not know: ")?;
        match needs {
            Some(needs) => write!(f, "it needs {needs}")?,
            None if *newer => write!(f, "it needs release {applied_by}, which applied it, or a newer one")?,
            None => write!(
                f,
                "release {applied_by} applied it, which is not newer than this one. Was its file deleted or \
                 renamed, or given by --migrations?"
            )?,
        }
        write!(f, ".\nRun the release that has it, or restore a backup from before it")
    }
}
