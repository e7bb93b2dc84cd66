//! What is done around migrations so that nothing is lost.

use migrate::Hooks;

/// Takes a backup before and after migrations. `None`: this release cannot.
pub(crate) fn hooks() -> Option<Box<dyn Hooks>> {
    None
}
