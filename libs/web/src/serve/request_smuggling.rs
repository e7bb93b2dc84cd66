//! Protects against request smuggling (RFC 9112, 11.2). Finds the request heads in the bytes of a connection, and
//! passes each on only when it is complete and unambiguous. Otherwise an intermediary could see other requests in
//! a connection than this server.
//!
//! hyper parses what is passed on. It tolerates some heads as the standard allows (it prefers chunked to a length,
//! merges equal lengths, accepts a bare line feed), and refuses others with an empty body. Neither kind reaches
//! it.

use super::{
    head::{self, Body},
    refused::{MAX_HEAD, Refused},
};

/// Number of bytes of an incomplete head that are inspected, to reject other protocols early.
const BEGINNING: usize = 256;

/// Position within the requests of a connection.
#[derive(Debug, Default)]
pub(super) struct RequestInspector {
    at: Position,
    /// Number of heads that were passed on.
    passed: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// At the start of a head.
    #[default]
    Head,
    /// In a body with this many bytes left.
    Body(u64),
    /// After the head of a chunked body: the connection is closed after that request.
    End,
    /// After a head that was refused.
    Refused,
}

/// Result of an inspection of received bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inspected {
    /// Number of bytes to pass on; the rest is an incomplete head.
    pub(super) bytes: usize,
    /// Set if the rest was refused: number of the request, from 0, and the reason.
    pub(super) refused: Option<(u64, Refused)>,
}

impl RequestInspector {
    /// Inspects the next bytes, starting with those that were not passed on the last time.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Inspected {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(0) => break,
                Ok(passed) => at += passed,
                Err(refused) => {
                    self.at = Position::Refused;
                    return Inspected { bytes: at, refused: Some((self.passed, refused)) };
                }
            }
        }
        Inspected { bytes: at, refused: None }
    }

    /// Whether the client may still send bytes of a request that was not read.
    pub(super) fn is_within(&self) -> bool {
        self.at != Position::Head
    }

    /// Number of bytes to pass on; 0 if the head is incomplete.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        match self.at {
            Position::Head if bytes.starts_with(b"\r\n") => Ok(2), // leading empty line (RFC 9112, 2.2)
            Position::Head => match end(bytes)? {
                Some(end) => {
                    let head = bytes.get(..end).unwrap_or_default();
                    if end > MAX_HEAD {
                        return Err(too_large(head));
                    }
                    self.at = match head::judge(head)? {
                        Body::Sized(0) => Position::Head,
                        Body::Sized(length) => Position::Body(length),
                        Body::Chunked => Position::End,
                    };
                    self.passed += 1;
                    Ok(end)
                }
                None => may_go_on(bytes).map(|()| 0),
            },
            Position::Body(left) => {
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.at = match left - skipped as u64 {
                    0 => Position::Head,
                    left => Position::Body(left),
                };
                Ok(skipped)
            }
            Position::End => Ok(bytes.len()),
            Position::Refused => Ok(0),
        }
    }
}

/// End of the head, if it is complete. Every line must end with CRLF: programs that accept a bare line feed would
/// see other lines.
fn end(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let mut line = 0;
    for feed in memchr::memchr_iter(b'\n', bytes) {
        if feed.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\r') {
            return Err(Refused::Ambiguous);
        }
        if feed == line + 1 {
            return Ok(Some(feed + 1));
        }
        line = feed + 1;
    }
    Ok(None)
}

/// Whether an incomplete head may still become valid.
fn may_go_on(bytes: &[u8]) -> Result<(), Refused> {
    if bytes.len() > MAX_HEAD {
        return Err(too_large(bytes));
    }
    let beginning = bytes.get(..bytes.len().min(BEGINNING)).unwrap_or_default();
    if beginning.contains(&b'\n') {
        return Ok(());
    }
    match httparse::Request::new(&mut []).parse(beginning) {
        Err(httparse::Error::TooManyHeaders) | Ok(_) => Ok(()),
        Err(_) => Err(Refused::Malformed),
    }
}

fn too_large(head: &[u8]) -> Refused {
    let line = head.get(..head.len().min(MAX_HEAD)).unwrap_or_default();
    if line.contains(&b'\n') { Refused::HeadTooLarge } else { Refused::TargetTooLong }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes the bytes as a whole, and in pieces of every size; the results must be equal.
    fn pass(bytes: &str) -> (String, Option<(u64, Refused)>) {
        let mut heads = RequestInspector::default();
        let whole = heads.pass(bytes.as_bytes());
        let whole = (bytes[..whole.bytes].to_owned(), whole.refused);
        for size in 1..bytes.len().min(80) {
            let (mut heads, mut held, mut passed, mut refused) =
                (RequestInspector::default(), Vec::new(), Vec::new(), None);
            for piece in bytes.as_bytes().chunks(size) {
                held.extend(piece);
                let pass = heads.pass(&held);
                passed.extend(held.drain(..pass.bytes));
                refused = refused.or(pass.refused);
            }
            assert_eq!((String::from_utf8(passed).unwrap(), refused), whole, "{bytes:?} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn requests_that_can_be_read_in_one_way_pass() {
        let long = format!("GET / HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\n\r\n", "x".repeat(300));
        for fine in [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\na\nb\r\n\nd: efPOST / HTTP/1.1\r\nhost:a\r\ncontent-length:0\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nCONTENT-LENGTH: 1\n",
            &long,
        ] {
            assert_eq!(pass(fine), (fine.to_owned(), None));
        }
    }

    #[test]
    fn a_head_goes_on_when_it_is_whole() {
        let two = "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nho";
        assert_eq!(pass(two), (two[..27].to_owned(), None));
    }

    #[test]
    fn requests_that_can_be_read_in_two_ways_go_no_further() {
        let fine = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na";
        for doubtful in [
            "POST / HTTP/1.1\r\nhost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n",
            "GET / HTTP/1.1\nhost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n\n",
        ] {
            assert_eq!(pass(doubtful), (String::new(), Some((0, Refused::Ambiguous))), "{doubtful:?}");
            let second = format!("{fine}{doubtful}{fine}");
            assert_eq!(pass(&second), (fine.to_owned(), Some((1, Refused::Ambiguous))), "{doubtful:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_ends() {
        let line = format!("GET /{}", "x".repeat(40_000));
        assert_eq!(pass(&line).1, Some((0, Refused::TargetTooLong)));
        let headers = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(40_000));
        assert_eq!(pass(&headers).1, Some((0, Refused::HeadTooLarge)));
    }

    #[test]
    fn a_connection_that_does_not_speak_http_is_refused_at_once() {
        assert_eq!(pass("\u{16}\u{3}\u{1}\u{2}\0").1, Some((0, Refused::Malformed)));
        assert_eq!(pass("GET / HTTP/1.1"), (String::new(), None));
    }
}
