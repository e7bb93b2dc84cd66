use std::{ops::Range, sync::Arc};

use bytes::Bytes;

/// Object identifier of a type (`pg_type.oid`).
pub type Oid = u32;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, as in the select list.
    pub name: String,
    /// Type of the values, which are in its binary format.
    pub oid: Oid,
}

/// A row of a result.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    pub(crate) columns: &'r Arc<[Column]>,
    /// Bytes of the whole answer.
    pub(crate) answer: &'r Bytes,
    pub(crate) body: &'r [u8],
    pub(crate) values: &'r [Option<Range<usize>>],
}

impl<'r> Row<'r> {
    /// Columns of the result.
    #[must_use]
    pub fn columns(&self) -> &'r [Column] {
        self.columns
    }

    /// Value at this position in the binary format of its type; `None` if it is null, or there is no such column.
    #[must_use]
    pub fn value(&self, at: usize) -> Option<&'r [u8]> {
        self.body.get(self.values.get(at)?.clone()?)
    }
}
