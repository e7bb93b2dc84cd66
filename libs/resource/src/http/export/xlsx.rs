use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use serde_json::Value;
use web::{Error, Result};

use super::{SheetRow, SheetWriter, text};

/// XLSX writer: a workbook with one sheet. Rows are buffered on disk until the end, because the format has its
/// index there.
pub(super) struct Xlsx {
    book: Workbook,
    line: u32,
}

/// Maximum number of rows of a sheet, with the header row (ECMA-376).
const MAX_ROWS: u32 = 1_048_576;
/// Maximum length of a cell's text in characters.
const MAX_CELL_CHARS: usize = 32_767;

impl Xlsx {
    pub(super) fn new(columns: &[String]) -> Result<Self> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory().map_err(broken)?;
        for (at, name) in (0_u16..).zip(columns) {
            sheet.write_string(0, at, name).map_err(broken)?;
        }
        Ok(Self { book, line: 1 })
    }
}

impl SheetWriter for Xlsx {
    fn rows(&mut self, rows: &[SheetRow]) -> Result<Vec<u8>> {
        for row in rows {
            if self.line >= MAX_ROWS {
                return Err(Error::Internal("a sheet of XLSX holds no more lines".into()));
            }
            let sheet = self.book.worksheet_from_index(0).map_err(broken)?;
            for (at, value) in (0_u16..).zip(row) {
                write(sheet, self.line, at, value).map_err(broken)?;
            }
            self.line += 1;
        }
        Ok(Vec::new())
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        self.book.save_to_buffer().map_err(broken)
    }
}

/// Writes one cell. Strings are written as strings, never as formulas.
fn write(sheet: &mut Worksheet, line: u32, at: u16, value: &Value) -> Result<(), XlsxError> {
    match value {
        Value::Null => {}
        Value::Bool(one) => drop(sheet.write_boolean(line, at, *one)?),
        Value::Number(number) => drop(sheet.write_number(line, at, number.as_f64().unwrap_or_default())?),
        other => {
            let shown: String = text(other).chars().take(MAX_CELL_CHARS).collect();
            sheet.write_string(line, at, shown)?;
        }
    }
    Ok(())
}

fn broken(error: XlsxError) -> Error {
    Error::Internal(error.into())
}
