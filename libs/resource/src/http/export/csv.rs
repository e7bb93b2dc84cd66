use std::borrow::Cow;

use serde_json::Value;
use web::{Error, Result};

use super::{SheetRow, SheetWriter, text};

/// CSV writer (RFC 4180); the first line holds the column names.
pub(super) struct Csv {
    columns: Vec<String>,
    begun: bool,
}

impl Csv {
    pub(super) fn new(columns: Vec<String>) -> Self {
        Self { columns, begun: false }
    }

    fn head(&mut self, out: &mut csv::Writer<Vec<u8>>) -> Result<(), csv::Error> {
        if !self.begun {
            self.begun = true;
            out.write_record(&self.columns)?;
        }
        Ok(())
    }
}

impl SheetWriter for Csv {
    fn rows(&mut self, rows: &[SheetRow]) -> Result<Vec<u8>> {
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let broken = |error: csv::Error| Error::Internal(error.into());
        self.head(&mut out).map_err(broken)?;
        for row in rows {
            for value in row {
                out.write_field(&*cell(value)).map_err(broken)?;
            }
            out.write_record(None::<&[u8]>).map_err(broken)?;
        }
        out.into_inner().map_err(|error| Error::Internal(error.to_string().into()))
    }

    fn end(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => escape_csv_formula(text),
        other => text(other),
    }
}

/// Escapes a text that a spreadsheet would interpret as a formula with an apostrophe (OWASP, CSV Injection).
/// Numbers are unchanged.
#[must_use]
pub fn escape_csv_formula(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_shown_as_text() {
        for (value, shown) in [
            (json!("=1+1"), "'=1+1"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("-2+3"), "'-2+3"),
            (json!("+34 600"), "'+34 600"),
            (json!("\t=1"), "'\t=1"),
            (json!("-12.50"), "-12.50"),
            (json!(-5), "-5"),
            (json!("Acme"), "Acme"),
            (json!(null), ""),
            (json!(["a"]), "[\"a\"]"),
        ] {
            assert_eq!(cell(&value), shown);
        }
    }

    #[test]
    fn a_text_with_commas_quotes_and_lines_is_one_cell() {
        let mut sheet = Csv::new(vec!["name".to_owned()]);
        let row = vec![json!("a, \"b\"\nc")];
        assert_eq!(
            String::from_utf8(sheet.rows(&[row]).unwrap()).unwrap(),
            "name\r\n\"a, \"\"b\"\"\nc\"\r\n"
        );
    }
}
