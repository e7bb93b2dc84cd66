//! Rows of a file: each creates a record or updates one, and can be reverted.

mod undo;
mod write;

pub use undo::{KeptReason, UndoItem, Undone};
pub use write::{ReadyRow, RowAction, RowOutcome, WrittenRow};
