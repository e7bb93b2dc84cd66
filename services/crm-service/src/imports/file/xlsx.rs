//! Reads sheets of XLSX workbooks as tables.

use std::io::{self, Cursor, Read as _};

use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx};
use zip::ZipArchive;

use crate::imports::refusal::ImportRefusal;

/// Maximum unpacked size of a workbook, since a small archive can expand to any size (zip bomb).
const UNPACKED: u64 = 64 * 1024 * 1024;
/// Maximum size of a sheet as text.
const AS_TEXT: usize = 32 * 1024 * 1024;
/// Maximum number of consecutive blank lines.
const GAP: u32 = 100_000;

/// Converts the sheet `wanted`, or the first one, to CSV in UTF-8: one line per row, including blank ones.
pub(in crate::imports) fn to_csv(book: &[u8], wanted: Option<&str>) -> Result<Vec<u8>, ImportRefusal> {
    measure(book)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).map_err(|_| ImportRefusal::NoWorkbook)?;
    let sheets = book.sheet_names();
    let sheet = match wanted {
        Some(wanted) => sheets.into_iter().find(|name| name == wanted).ok_or(ImportRefusal::NoSheet)?,
        None => sheets.into_iter().next().ok_or(ImportRefusal::NoSheet)?,
    };
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(|_| ImportRefusal::NoWorkbook)?;
    let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let (mut row, mut at) = (Vec::new(), 0);
    let mut size = 0;
    while let Some(cell) = cells.next_cell().map_err(|_| ImportRefusal::NoWorkbook)? {
        let (line, column) = cell.get_position();
        let text = text(cell.get_value());
        size += text.len() + 1;
        if size > AS_TEXT || line.saturating_sub(at) > GAP || column > 1_000 {
            return Err(ImportRefusal::TooLarge);
        }
        while at < line {
            write(&mut csv, &mut row)?;
            at += 1;
        }
        let column = usize::try_from(column).unwrap_or_default();
        row.resize(row.len().max(column), String::new());
        row.truncate(column);
        row.push(text);
    }
    write(&mut csv, &mut row)?;
    squared(&csv.into_inner().map_err(|_| ImportRefusal::NoWorkbook)?)
}

fn write(csv: &mut csv::Writer<Vec<u8>>, row: &mut Vec<String>) -> Result<(), ImportRefusal> {
    if row.is_empty() {
        row.push(String::new());
    }
    csv.write_record(row.drain(..)).map_err(|_| ImportRefusal::NoWorkbook)
}

/// Pads all rows to the width of the widest, because sheets omit empty cells.
fn squared(csv: &[u8]) -> Result<Vec<u8>, ImportRefusal> {
    let lines =
        || csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv).into_records();
    let width = lines().filter_map(Result::ok).map(|line| line.len()).max().unwrap_or_default();
    let mut out = csv::Writer::from_writer(Vec::new());
    for line in lines().filter_map(Result::ok) {
        let cells = line.iter().chain(std::iter::repeat("")).take(width);
        out.write_record(cells).map_err(|_| ImportRefusal::NoWorkbook)?;
    }
    out.into_inner().map_err(|_| ImportRefusal::NoWorkbook)
}

/// Measures the unpacked size by decompressing, since the size declared in the archive is not trustworthy.
fn measure(book: &[u8]) -> Result<(), ImportRefusal> {
    let mut archive = ZipArchive::new(Cursor::new(book)).map_err(|_| ImportRefusal::NoWorkbook)?;
    let mut left = UNPACKED;
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(|_| ImportRefusal::NoWorkbook)?;
        let size =
            io::copy(&mut file.take(left + 1), &mut io::sink()).map_err(|_| ImportRefusal::NoWorkbook)?;
        left = left.checked_sub(size).ok_or(ImportRefusal::TooLarge)?;
    }
    Ok(())
}

fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(one) => one.to_string(),
        DataRef::DateTime(moment) => date(*moment),
        DataRef::Error(error) => format!("#{error:?}"),
        DataRef::Empty => String::new(),
    }
}

/// ISO 8601 text; a duration stays a number of days.
fn date(moment: ExcelDateTime) -> String {
    if !moment.is_datetime() {
        return moment.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}
