use serde_json::{Map, Value};

use super::Sheet;
use crate::{Error, Result};

/// One JSON object a line.
pub(super) struct Ndjson;

impl Sheet for Ndjson {
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
