//! Inspects a file: delimiter, header, and the types of its columns.

use resource::ResourceHandle;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    csv::{CsvReader, Position, TableRow},
    dates::{DateOrder, date},
};
use crate::imports::refusal::ImportRefusal;

/// Maximum numbers of columns and rows of a file.
const COLUMNS: usize = 200;
const ROWS: i64 = 1_000_000;
/// Maximum number of sampled rows.
const LOOKED_AT: usize = 500;
/// Maximum size of the sampled rows in bytes.
const SIZE: usize = 1024 * 1024;

/// Properties detected in an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportFile {
    /// Encoding of the upload: `UTF-8`, `UTF-16LE`, `windows-1252`, …; absent for workbooks.
    pub(in crate::imports) encoding: Option<String>,
    /// Whether the file began with a byte order mark.
    pub(in crate::imports) bom: bool,
    /// Delimiter between columns; absent for workbooks.
    pub(in crate::imports) delimiter: Option<char>,
    /// Whether the first line names the columns.
    pub(in crate::imports) header: bool,
    /// Number of rows, without the header and blank lines.
    pub(in crate::imports) rows: i64,
    /// Number of rows with more or fewer cells than there are columns.
    pub(in crate::imports) ragged: i64,
    /// Columns of the file, in order.
    pub(in crate::imports) columns: Vec<ImportColumn>,
}

/// A column of an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportColumn {
    /// Name of the column, as used in mappings.
    pub(in crate::imports) name: String,
    /// Detected type of the cells: `text`, `integer`, `decimal`, `date`, `boolean`, `email` or `empty`.
    #[serde(rename = "type")]
    pub(in crate::imports) kind: String,
    /// Sample cells of the column.
    pub(in crate::imports) samples: Vec<String>,
    /// Suggested field of the resource, by the column's name.
    pub(in crate::imports) suggested: Option<String>,
}

/// Detects the delimiter from the beginning of a text.
pub(in crate::imports) fn delimiter(head: &[u8]) -> u8 {
    let best = [b',', b';', b'\t', b'|'].into_iter().map(|one| (agreement(head, one), one));
    // On a tie the first delimiter wins; `max_by` would return the last.
    let best = best.reduce(|one, other| if other.0 > one.0 { other } else { one });
    best.filter(|((share, _), _)| *share > 0).map_or(b',', |(_, delimiter)| delimiter)
}

/// Rows per thousand with as many cells as the first, and that number of cells; a single cell counts as no agreement.
fn agreement(head: &[u8], delimiter: u8) -> (usize, usize) {
    let mut table = CsvReader::new(delimiter, Position::START);
    table.feed(head);
    let counts: Vec<usize> = std::iter::from_fn(|| table.next(true).ok().flatten())
        .take(200)
        .map(|line| line.cells.len())
        .collect();
    let Some(first) = counts.first().copied().filter(|first| *first > 1) else { return (0, 0) };
    // The last line may be truncated.
    let whole = counts.get(..counts.len().max(2) - 1).unwrap_or(&counts);
    (whole.iter().filter(|count| **count == first).count() * 1000 / whole.len().max(1), first)
}

/// Collects statistics over all rows of a file.
#[derive(Default)]
pub(in crate::imports) struct Survey {
    first: Option<TableRow>,
    looked_at: Vec<TableRow>,
    size: usize,
    rows: i64,
    ragged: i64,
}

impl Survey {
    pub(in crate::imports) fn look(&mut self, line: TableRow) -> Result<(), ImportRefusal> {
        let Some(first) = &self.first else {
            if line.cells.len() > COLUMNS {
                return Err(ImportRefusal::TooManyColumns);
            }
            self.first = Some(line);
            return Ok(());
        };
        if is_blank(&line) {
            return Ok(());
        }
        self.rows += 1;
        if self.rows > ROWS {
            return Err(ImportRefusal::TooManyRows);
        }
        if line.cells.len() != first.cells.len() {
            self.ragged += 1;
        } else if self.looked_at.len() < LOOKED_AT && self.size < SIZE {
            self.size += line.cells.iter().map(String::len).sum::<usize>();
            self.looked_at.push(line);
        }
        Ok(())
    }

    /// Returns the result. `header` overrides the detection of a header line.
    pub(in crate::imports) fn end(
        mut self,
        header: Option<bool>,
        target: &ResourceHandle,
    ) -> Result<ImportFile, ImportRefusal> {
        let first = self.first.take().ok_or(ImportRefusal::Empty)?;
        let header = header.unwrap_or_else(|| names(&first));
        if !header {
            self.rows += 1;
            self.looked_at.insert(0, first.clone());
        }
        let mut columns: Vec<ImportColumn> = Vec::with_capacity(first.cells.len());
        for (at, cell) in first.cells.iter().enumerate() {
            let name = if header { cell.trim() } else { "" };
            let name = free(name, at, &columns);
            let cells: Vec<&str> =
                self.looked_at.iter().filter_map(|line| line.cells.get(at)).map(String::as_str).collect();
            let kind = kind(&cells);
            let suggested = suggest(&name, kind, target);
            let samples = cells.iter().filter(|cell| !is_nothing(cell)).take(3);
            let samples =
                samples.map(|cell| cell.chars().take(100).filter(|c| *c != '\0').collect()).collect();
            columns.push(ImportColumn { name, kind: kind.to_owned(), samples, suggested });
        }
        let (rows, ragged) = (self.rows, self.ragged);
        Ok(ImportFile { encoding: None, bom: false, delimiter: None, header, rows, ragged, columns })
    }
}

/// True if all cells of the row are empty.
pub(in crate::imports) fn is_blank(line: &TableRow) -> bool {
    line.cells.iter().all(|cell| cell.trim().is_empty())
}

/// True if the row looks like a header: no cell is a number, a date or an e-mail address.
fn names(line: &TableRow) -> bool {
    line.cells.iter().all(|cell| !matches!(kind(&[cell]), "integer" | "decimal" | "date" | "email"))
}

/// Makes the column's name unique among the preceding columns.
fn free(name: &str, at: usize, before: &[ImportColumn]) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    let name = if name.is_empty() { format!("column_{}", at + 1) } else { name };
    let taken = |name: &str| before.iter().any(|column| column.name == name);
    if !taken(&name) {
        return name;
    }
    (2..=before.len() + 2).map(|n| format!("{name} ({n})")).find(|name| !taken(name)).unwrap_or(name)
}

fn is_nothing(cell: &str) -> bool {
    matches!(cell.trim(), "" | "NULL" | "null" | "N/A" | "n/a" | "-")
}

fn kind(cells: &[&str]) -> &'static str {
    let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).filter(|cell| !is_nothing(cell)).collect();
    let all = |test: fn(&str) -> bool| cells.iter().all(|cell| test(cell));
    if cells.is_empty() {
        "empty"
    } else if all(|cell| matches!(cell.to_lowercase().as_str(), "true" | "false" | "yes" | "no")) {
        "boolean"
    } else if all(|cell| cell.parse::<i64>().is_ok()) {
        "integer"
    } else if all(|cell| cell.replace(',', ".").parse::<f64>().is_ok_and(f64::is_finite)) {
        "decimal"
    } else if all(|cell| {
        [DateOrder::Ymd, DateOrder::Dmy, DateOrder::Mdy].into_iter().any(|order| date(cell, order).is_some())
    }) {
        "date"
    } else if all(|cell| {
        cell.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    }) {
        "email"
    } else {
        "text"
    }
}

/// The field with the column's name, or the only field whose name ends with it: `postalCode` suggests
/// `billing_postal_code`.
fn suggest(column: &str, kind: &str, target: &ResourceHandle) -> Option<String> {
    let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let (name, fields) = (plain(column), &target.schema().fields);
    let same = fields.iter().find(|field| plain(field.name) == name);
    let mut ends = fields.iter().filter(|field| name.len() > 3 && plain(field.name).ends_with(&name));
    let one = ends.next().filter(|_| ends.next().is_none());
    let address = || fields.iter().find(|field| kind == "email" && field.name == "email");
    same.or(one).or_else(address).map(|field| field.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::targets;

    fn surveyed(text: &str, header: Option<bool>) -> ImportFile {
        let delimiter = delimiter(text.as_bytes());
        let mut table = CsvReader::new(delimiter, Position::START);
        table.feed(text.as_bytes());
        let mut survey = Survey::default();
        while let Some(line) = table.next(true).unwrap() {
            survey.look(line).unwrap();
        }
        let found = survey.end(header, &targets::find("clients").unwrap()).unwrap();
        ImportFile { delimiter: Some(delimiter.into()), ..found }
    }

    #[test]
    fn columns_are_split_at_any_known_delimiter() {
        for delimiter in [',', ';', '\t', '|'] {
            let text = format!(
                "name{delimiter}note{delimiter}rating\nA{delimiter}\"1{delimiter} 2,3;4\"{delimiter}5\nB{delimiter}\"x,y;z|\"{delimiter}4\n"
            );
            let found = surveyed(&text, None);
            assert_eq!(found.delimiter, Some(delimiter));
            assert_eq!((found.columns.len(), found.rows, found.ragged), (3, 2, 0), "{text:?}");
        }
        assert_eq!(surveyed("name\nA\nB\n", None).columns.len(), 1);
    }

    #[test]
    fn columns_are_named_guessed_and_suggested() {
        let found = surveyed(
            "Name,postalCode,E-Mail,since,amount,Name,\nA,08001,a@b.test,2026-01-31,12.5,x,\nB,NULL,c@d.test,31/01/2026,3,y,\n\n,,,,,,\n",
            None,
        );
        let told: Vec<_> = found
            .columns
            .iter()
            .map(|one| (one.name.as_str(), one.kind.as_str(), one.suggested.as_deref()))
            .collect();
        let wanted = [
            ("Name", "text", Some("name")),
            ("postalCode", "integer", Some("billing_postal_code")),
            ("E-Mail", "email", Some("email")),
            ("since", "date", None),
            ("amount", "decimal", None),
            ("Name (2)", "text", None),
            ("column_7", "empty", None),
        ];
        assert_eq!(told, wanted);
        assert_eq!((found.header, found.rows), (true, 2), "the blank lines are none");
    }

    #[test]
    fn a_first_line_of_values_names_no_columns() {
        let found = surveyed("Acme,5\nBeta,4\n", None);
        assert_eq!((found.header, found.rows), (false, 2));
        assert_eq!(found.columns[1].name, "column_2");
        assert!(surveyed("Acme,x\nBeta,4\n", Some(false)).columns[0].samples.contains(&"Acme".to_owned()));
    }
}
