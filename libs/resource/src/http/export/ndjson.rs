use serde::{Serializer as _, ser::SerializeMap as _};
use web::{Error, Result};

use super::{SheetRow, SheetWriter};

/// NDJSON writer: one JSON object per line.
pub(super) struct Ndjson {
    columns: Vec<String>,
}

impl Ndjson {
    pub(super) fn new(columns: Vec<String>) -> Self {
        Self { columns }
    }

    fn line(&self, row: &SheetRow, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let mut line = serde_json::Serializer::new(&mut *out);
        let mut members = line.serialize_map(Some(row.len()))?;
        for (name, value) in self.columns.iter().zip(row) {
            members.serialize_entry(name, value)?;
        }
        members.end()?;
        out.push(b'\n');
        Ok(())
    }
}

impl SheetWriter for Ndjson {
    fn rows(&mut self, rows: &[SheetRow]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(rows.len() * 512);
        for row in rows {
            self.line(row, &mut out).map_err(|error| Error::Internal(error.into()))?;
        }
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}
