//! Messages of the server (PostgreSQL manual, 55.7), read in place.

use std::ops::Range;

use crate::{Column, Error, ServerError, row::Oid};

pub(crate) const PARSE_COMPLETE: u8 = b'1';
pub(crate) const ROW_DESCRIPTION: u8 = b'T';
pub(crate) const NO_DATA: u8 = b'n';
pub(crate) const DATA_ROW: u8 = b'D';
pub(crate) const COMMAND_COMPLETE: u8 = b'C';
pub(crate) const EMPTY_QUERY: u8 = b'I';
pub(crate) const ERROR_RESPONSE: u8 = b'E';
pub(crate) const NOTICE_RESPONSE: u8 = b'N';
pub(crate) const READY_FOR_QUERY: u8 = b'Z';

/// Bytes of tag and length.
const HEAD: usize = 5;

const SHORT: Error = Error::Protocol("a message of the server is too short");

/// A message: its tag, its body, and where the body is.
pub(crate) struct Message<'a> {
    pub(crate) tag: u8,
    pub(crate) body: &'a [u8],
    pub(crate) range: Range<usize>,
}

/// Tag and whole size of the message that begins here; `None` if its length has not arrived yet.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<(u8, usize)>, Error> {
    let Some(([tag, length @ ..], _)) = bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SHORT)?;
    if length < 4 { Err(SHORT) } else { Ok(Some((*tag, 1 + length))) }
}

/// Messages of a complete answer.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Error>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (tag, size) = match head(bytes.get(at..)?) {
            Ok(found) => found?,
            Err(error) => {
                at = bytes.len();
                return Some(Err(error));
            }
        };
        let range = at + HEAD..at + size;
        at += size;
        bytes.get(range.clone()).map(|body| Ok(Message { tag, body, range }))
    })
}

/// Reader of the parts of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A text that ends with a zero byte.
    fn text(&mut self) -> Result<&'a str, Error> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
        let (text, rest) = self.0.split_at_checked(end).ok_or(SHORT)?;
        self.0 = rest.get(1..).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| Error::Protocol("a text of the server is not UTF-8"))
    }
}

/// Columns of a `RowDescription`.
pub(crate) fn columns(body: &[u8]) -> Result<Vec<Column>, Error> {
    let mut reader = Reader(body);
    let count = u16::from_be_bytes(reader.bytes()?);
    let mut columns = Vec::with_capacity(count.into());
    for _ in 0..count {
        let name = reader.text()?.to_owned();
        let _table_and_attribute: [u8; 6] = reader.bytes()?;
        let oid: Oid = u32::from_be_bytes(reader.bytes()?);
        let _size_modifier_and_format: [u8; 8] = reader.bytes()?;
        columns.push(Column { name, oid });
    }
    Ok(columns)
}

/// Adds the ranges of the values of a `DataRow` within its body; `None` is null.
pub(crate) fn values(body: &[u8], values: &mut Vec<Option<Range<usize>>>) -> Result<(), Error> {
    let mut reader = Reader(body);
    let count = u16::from_be_bytes(reader.bytes()?);
    for _ in 0..count {
        let length = i32::from_be_bytes(reader.bytes()?);
        let Ok(length) = usize::try_from(length) else {
            values.push(None);
            continue;
        };
        let at = body.len() - reader.0.len();
        reader.0 = reader.0.get(length..).ok_or(SHORT)?;
        values.push(Some(at..at + length));
    }
    Ok(())
}

/// Tag of a `CommandComplete`, such as `INSERT 0 1`.
pub(crate) fn command(body: &[u8]) -> Result<&str, Error> {
    Reader(body).text()
}

/// Fields of an `ErrorResponse` or a `NoticeResponse`.
pub(crate) fn server_error(body: &[u8]) -> ServerError {
    let (mut reader, mut error) = (Reader(body), ServerError::default());
    while let Ok([field]) = reader.bytes() {
        let Ok(value) = reader.text() else { break };
        let value = value.to_owned();
        match field {
            b'V' => error.severity = value,
            b'C' => error.code = value,
            b'M' => error.message = value,
            b'D' => error.detail = Some(value),
            b'H' => error.hint = Some(value),
            b'n' => error.constraint = Some(value),
            b't' => error.table = Some(value),
            b'W' => error.context = Some(value),
            _ => {}
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_of_a_server_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for message in each(&bytes).map_while(Result::ok).take(100) {
                let _ = (columns(message.body), command(message.body), server_error(message.body));
                let _ = values(message.body, &mut Vec::new());
            }
            let _ = (columns(&bytes), values(&bytes, &mut Vec::new()), server_error(&bytes), command(&bytes));
        }
    }

    #[test]
    fn an_error_is_read_by_its_fields() {
        let error = server_error(b"SFEHLER\0VERROR\0C23505\0Mduplicate\0nuq_tags_name\0\0");
        assert_eq!((error.severity.as_str(), error.code.as_str()), ("ERROR", "23505"));
        assert_eq!(error.constraint.as_deref(), Some("uq_tags_name"));
    }
}
