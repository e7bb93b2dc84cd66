use std::{fmt, path::PathBuf};

use crate::{Migrations, Release, history::Row};

/// A migration that the database has and this program has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The file's name when it was applied.
    pub file: String,
    /// The folder that was to have it; `None`: the program itself.
    folder: Option<PathBuf>,
    /// The oldest release that works with it, where its file says so.
    needs: Option<String>,
    /// The release that applied it.
    applied_by: String,
    /// Whether that one is newer than this program.
    newer: bool,
}

impl Missing {
    pub(crate) fn of(row: &Row, migrations: &Migrations, release: Option<Release>) -> Self {
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

impl fmt::Display for Missing {
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
