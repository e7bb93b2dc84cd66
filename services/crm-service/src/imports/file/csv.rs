//! Streaming CSV parser.

use csv_core::{ReadRecordResult, ReaderBuilder};

/// Maximum length of a row; a longer one has an unclosed quotation mark.
const MAX_ROW_BYTES: usize = 1024 * 1024;

/// A row of a table; quoted cells may span several lines of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::imports) struct TableRow {
    /// First line of the row, counted from 1.
    pub(in crate::imports) number: i64,
    /// Last line of the row, counted from 1.
    pub(in crate::imports) last: i64,
    pub(in crate::imports) cells: Vec<String>,
}

/// The row that begins at this line does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::imports) struct UnterminatedRow(pub(in crate::imports) i64);

/// Parses UTF-8 CSV that arrives in parts.
pub(in crate::imports) struct CsvReader {
    core: csv_core::Reader,
    delimiter: u8,
    waiting: Vec<u8>,
    read: usize,
    place: Position,
    output: Vec<u8>,
    ends: Vec<usize>,
}

/// A position in a file: byte offset and line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::imports) struct Position {
    pub(in crate::imports) byte: i64,
    pub(in crate::imports) line: i64,
}

impl Position {
    pub(in crate::imports) const START: Self = Self { byte: 0, line: 1 };
}

impl CsvReader {
    pub(in crate::imports) fn new(delimiter: u8, place: Position) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        Self {
            core,
            delimiter,
            waiting: Vec::new(),
            read: 0,
            place,
            output: vec![0; 64 * 1024],
            ends: vec![0; 256],
        }
    }

    /// A reader that starts at the beginning of the file.
    pub(in crate::imports) fn again(&self) -> Self {
        Self::new(self.delimiter, Position::START)
    }

    /// Position of the next row.
    pub(in crate::imports) fn place(&self) -> Position {
        self.place
    }

    /// Byte offset of the part to be fed next.
    pub(in crate::imports) fn wants(&self) -> i64 {
        self.place.byte + length(self.waiting.len() - self.read)
    }

    /// Feeds the next part of the file.
    pub(in crate::imports) fn feed(&mut self, part: &[u8]) {
        self.waiting.drain(..self.read);
        self.read = 0;
        self.waiting.extend_from_slice(part);
    }

    /// The next row; `None` if more input is needed or, after the `last` part, at the end.
    pub(in crate::imports) fn next(&mut self, last: bool) -> Result<Option<TableRow>, UnterminatedRow> {
        self.skip_empty_lines(last);
        let rest = self.waiting.get(self.read..).unwrap_or_default();
        if rest.is_empty() || rest == b"\r" {
            return Ok(None);
        }
        let Some((taken, cells)) = record(&mut self.core, rest, last, &mut self.output, &mut self.ends)
        else {
            let endless = rest.len() > MAX_ROW_BYTES;
            return if endless { Err(UnterminatedRow(self.place.line)) } else { Ok(None) };
        };
        // After CR the row may still end with CRLF, which only the next byte tells.
        if taken > MAX_ROW_BYTES {
            return Err(UnterminatedRow(self.place.line));
        }
        let bytes = rest.get(..taken).unwrap_or_default();
        let cr = bytes.last() == Some(&b'\r');
        if cr && rest.len() == taken && !last {
            return Ok(None);
        }
        let crlf = cr && rest.get(taken) == Some(&b'\n');
        let breaks = breaks(bytes);
        let ended = matches!(bytes.last(), Some(b'\r' | b'\n'));
        let number = self.place.line;
        let end = number + breaks - i64::from(ended);
        self.read += taken + usize::from(crlf);
        self.place =
            Position { byte: self.place.byte + length(taken) + i64::from(crlf), line: number + breaks };
        Ok(Some(TableRow { number, last: end, cells }))
    }

    fn skip_empty_lines(&mut self, last: bool) {
        while let Some(byte @ (b'\r' | b'\n')) = self.waiting.get(self.read) {
            let next = self.waiting.get(self.read + 1);
            if *byte == b'\r' && next.is_none() && !last {
                return; // the LF may still follow
            }
            let pair = *byte == b'\r' && next == Some(&b'\n');
            self.read += 1 + usize::from(pair);
            self.place.byte += 1 + i64::from(pair);
            self.place.line += 1;
        }
    }
}

/// Number of line breaks in these bytes.
fn breaks(bytes: &[u8]) -> i64 {
    let pairs = bytes.iter().zip(bytes.iter().skip(1).chain([&0]));
    length(pairs.filter(|(one, next)| **one == b'\n' || **one == b'\r' && **next != b'\n').count())
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Parses the first row of `rest`: its length in bytes, and its cells.
fn record(
    core: &mut csv_core::Reader,
    rest: &[u8],
    last: bool,
    output: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) -> Option<(usize, Vec<String>)> {
    core.reset();
    let (mut taken, mut written, mut fields) = (0, 0, 0);
    loop {
        let input = rest.get(taken..).unwrap_or_default();
        let (result, read, put, ended) =
            core.read_record(input, output.get_mut(written..)?, ends.get_mut(fields..)?);
        taken += read;
        written += put;
        fields += ended;
        match result {
            ReadRecordResult::InputEmpty if last && !input.is_empty() => {} // end of input: flush
            ReadRecordResult::InputEmpty | ReadRecordResult::End => return None,
            ReadRecordResult::OutputFull => output.resize(output.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            ReadRecordResult::Record => break,
        }
    }
    let mut from = 0;
    let cells = ends.get(..fields)?.iter().map(|end| {
        let cell = output.get(from..*end).unwrap_or_default();
        from = *end;
        String::from_utf8_lossy(cell).into_owned()
    });
    Some((taken, cells.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses the text in parts of every size, with identical results.
    fn read(text: &str) -> Vec<(i64, i64, Vec<String>)> {
        let mut all = Vec::new();
        for size in 1..=text.len() {
            let mut table = CsvReader::new(b',', Position::START);
            let mut lines = Vec::new();
            let mut parts = text.as_bytes().chunks(size).peekable();
            while let Some(part) = parts.next() {
                assert_eq!(
                    table.wants(),
                    length(text.len()) - length(part.len()) - length(parts.clone().map(<[u8]>::len).sum())
                );
                table.feed(part);
                while let Some(line) = table.next(parts.peek().is_none()).unwrap() {
                    // Resuming from this position gives the same row.
                    let place = table.place();
                    let mut again = CsvReader::new(b',', place);
                    again.feed(text.as_bytes().get(usize::try_from(place.byte).unwrap()..).unwrap());
                    lines.push((line, again.next(true).unwrap()));
                }
            }
            for pair in lines.windows(2) {
                assert_eq!(pair[0].1.as_ref(), Some(&pair[1].0));
            }
            let lines: Vec<_> = lines.into_iter().map(|(one, _)| (one.number, one.last, one.cells)).collect();
            if size > 1 {
                assert_eq!(lines, all, "in parts of {size}");
            }
            all = lines;
        }
        all
    }

    fn line(number: i64, last: i64, cells: &[&str]) -> (i64, i64, Vec<String>) {
        (number, last, cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for text in ["a,b\n\nc,\"d\ne\"\nf", "a,b\r\n\r\nc,\"d\r\ne\"\r\nf\r\n", "a,b\r\rc,\"d\re\"\rf\r"] {
            let lines = read(text);
            let numbers: Vec<_> =
                lines.iter().map(|(number, last, cells)| (*number, *last, cells.len())).collect();
            assert_eq!(numbers, [(1, 1, 2), (3, 4, 2), (5, 5, 1)], "{text:?}");
        }
    }

    #[test]
    fn quoted_cells_hold_what_would_end_others() {
        assert_eq!(
            read("a,\"b, \"\"c\"\"\n\",d\n5\" pipe,,\n"),
            [line(1, 2, &["a", "b, \"c\"\n", "d"]), line(3, 3, &["5\" pipe", "", ""])]
        );
    }

    #[test]
    fn an_unclosed_quotation_mark_is_reported_with_its_line() {
        let mut table = CsvReader::new(b',', Position::START);
        table.feed(b"a,b\n\"c,d\n");
        assert_eq!(table.next(false).unwrap().unwrap().number, 1);
        for _ in 0..5 {
            if table.next(false) == Err(UnterminatedRow(2)) {
                return;
            }
            table.feed(&vec![b'x'; 256 * 1024]);
        }
        assert_eq!(table.next(false), Err(UnterminatedRow(2)));
    }
}
