use serde_json::{Map, Value};
use web::{Error, Result};

use super::SheetWriter;

/// NDJSON writer: one JSON object per line.
pub(super) struct Ndjson;

impl SheetWriter for Ndjson {
    fn rows(&mut self, rows: &[Map<String, Value>]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(rows.len() * 512);
        for row in rows {
            serde_json::to_writer(&mut out, row).map_err(|error| Error::Internal(error.into()))?;
            out.push(b'\n');
        }
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}
