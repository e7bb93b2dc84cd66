use std::{fmt, path::PathBuf};

/// An applied migration that this program does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingMigration {
    /// Name of the file when it was applied.
    pub file: String,
    /// Folder that lacks it; `None` if it is not embedded in this program.
    pub(crate) folder: Option<PathBuf>,
    /// Oldest compatible release, if its file declares one.
    pub(crate) needs: Option<String>,
    /// Release that applied it.
    pub(crate) applied_by: String,
    /// Whether that release is newer than this program.
    pub(crate) newer: bool,
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
