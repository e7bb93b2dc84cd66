use std::sync::Arc;

use bytes::Bytes;

use crate::{Column, Row, messages};

/// A row that keeps the bytes of its answer alive.
#[derive(Debug, Clone)]
pub struct OwnedRow {
    columns: Arc<[Column]>,
    body: Bytes,
}

impl OwnedRow {
    /// The row apart from its reader. It shares the bytes of the answer, and copies nothing.
    #[must_use]
    pub fn new(row: &Row<'_>) -> Self {
        Self { columns: Arc::clone(row.columns), body: row.answer.slice_ref(row.body) }
    }

    /// Columns of the result.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Values in the order of the columns, in the binary format of their types; `None` if null.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        Values { rest: self.body.get(2..).unwrap_or_default() }
    }

    /// Passes the row to `read`, with the places of its values.
    pub fn read<T>(&self, read: impl FnOnce(Row<'_>) -> T) -> T {
        let mut values = Vec::with_capacity(self.columns.len());
        // The reader of the answer has parsed the row before.
        let _ = messages::values(&self.body, &mut values);
        read(Row { columns: &self.columns, answer: &self.body, body: &self.body, values: &values })
    }
}

/// Iterator over the values of an [`OwnedRow`].
#[derive(Debug, Clone)]
pub struct Values<'r> {
    rest: &'r [u8],
}

impl<'r> Iterator for Values<'r> {
    type Item = Option<&'r [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.rest = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owned_row_has_the_values_of_its_row() {
        let columns: Arc<[Column]> =
            ["a", "b", "c"].map(|name| Column { name: name.to_owned(), oid: 25 }).into();
        let answer = Bytes::from_static(b"D....\0\x03\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0");
        let body = answer.get(5..).unwrap();
        let mut values = Vec::new();
        messages::values(body, &mut values).unwrap();
        let owned = OwnedRow::new(&Row { columns: &columns, answer: &answer, body, values: &values });
        drop(answer);
        let all = [Some(&b"hi"[..]), None, Some(&b""[..])];
        assert_eq!(owned.values().collect::<Vec<_>>(), all);
        assert_eq!(
            owned.read(|row| [0, 1, 2].map(|at| row.value(at).map(<[u8]>::to_vec))),
            all.map(|one| one.map(<[u8]>::to_vec))
        );
    }
}
