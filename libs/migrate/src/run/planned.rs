use crate::{Migration, Script};

/// A script to run, with the data for its row in the history.
#[derive(Clone, Copy)]
pub(crate) struct PlannedScript<'m> {
    pub(crate) migration: &'m Migration,
    pub(crate) script: &'m Script,
    /// Index of the first statement to run, from 0: earlier ones are applied already.
    pub(crate) from: usize,
    /// Whether the process that ran it before was killed.
    pub(crate) was_cut: bool,
    /// Final state of the row: `applied` or `rolled_back`.
    pub(crate) done: &'static str,
    pub(crate) backup: Option<&'m str>,
    pub(crate) actor: Option<&'m str>,
    pub(crate) reason: Option<&'m str>,
}

impl<'m> PlannedScript<'m> {
    /// Plan for a migration that was never started.
    pub(crate) fn up(migration: &'m Migration) -> Self {
        let script = &migration.up;
        Self {
            migration,
            script,
            from: 0,
            was_cut: false,
            done: "applied",
            backup: None,
            actor: None,
            reason: None,
        }
    }
}
