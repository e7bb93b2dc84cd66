//! Finds the heads of requests in what comes in over a connection, and lets each go on only when it is there as a whole and
//! can be read in one way: whoever stands before us would otherwise see other requests in a connection than we do (RFC 9112,
//! 11.2).
//!
//! hyper reads what goes on. It takes some heads as the standard allows (it prefers chunks to a length, takes equal lengths
//! for one, and lines that end in a bare line feed), and refuses others with an empty body; neither gets as far as there.

use super::{
    head::{self, Body},
    refused::{MAX_HEAD, Refused},
};

/// Of a head that is not whole, so much is looked at: who begins so does not speak HTTP, and is not waited for.
const BEGINNING: usize = 256;

/// Where in the requests of a connection we are.
#[derive(Debug, Default)]
pub(super) struct Heads {
    at: At,
    /// How many heads went on.
    passed: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Where a head begins.
    #[default]
    Head,
    /// This much of a body is left.
    Body(u64),
    /// Behind the head of a body in chunks: the connection ends with that request.
    End,
    /// Behind a head that was refused.
    Refused,
}

/// How much of some bytes may go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// So many of them; the rest is a head that is not whole yet.
    pub(super) bytes: usize,
    /// The rest is refused, as the request of this number, from 0.
    pub(super) refused: Option<(u64, Refused)>,
}

impl Heads {
    /// Looks at what comes next; what did not go on the last time comes first.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Pass {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(0) => break,
                Ok(passed) => at += passed,
                Err(refused) => {
                    self.at = At::Refused;
                    return Pass { bytes: at, refused: Some((self.passed, refused)) };
                }
            }
        }
        Pass { bytes: at, refused: None }
    }

    /// Whether more may come of what nobody has read.
    pub(super) fn is_within(&self) -> bool {
        self.at != At::Head
    }

    /// How many of the bytes go on; none, if the head is not whole.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        match self.at {
            At::Head if bytes.starts_with(b"\r\n") => Ok(2), // an empty line before a request is none of it
            At::Head => match end(bytes)? {
                Some(end) => {
                    let head = bytes.get(..end).unwrap_or_default();
                    if end > MAX_HEAD {
                        return Err(too_large(head));
                    }
                    self.at = match head::judge(head)? {
                        Body::Sized(0) => At::Head,
                        Body::Sized(length) => At::Body(length),
                        Body::Chunked => At::End,
                    };
                    self.passed += 1;
                    Ok(end)
                }
                None => may_go_on(bytes).map(|()| 0),
            },
            At::Body(left) => {
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.at = match left - skipped as u64 {
                    0 => At::Head,
                    left => At::Body(left),
                };
                Ok(skipped)
            }
            At::End => Ok(bytes.len()),
            At::Refused => Ok(0),
        }
    }
}

/// Where a head ends, if it does. Every line ends with both characters: who takes a bare line feed for an end sees other
/// lines than who does not.
fn end(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let (mut line, mut from) = (0, 0);
    while let Some(feed) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        let feed = from + feed;
        if feed.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\r') {
            return Err(Refused::Ambiguous);
        }
        if feed == line + 1 {
            return Ok(Some(feed + 1));
        }
        (line, from) = (feed + 1, feed + 1);
    }
    Ok(None)
}

/// Whether a beginning can become a head.
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

    /// What goes on of the whole, and of the same in pieces of every size.
    fn pass(bytes: &str) -> (String, Option<(u64, Refused)>) {
        let mut heads = Heads::default();
        let whole = heads.pass(bytes.as_bytes());
        let whole = (bytes[..whole.bytes].to_owned(), whole.refused);
        for size in 1..bytes.len().min(80) {
            let (mut heads, mut held, mut passed, mut refused) =
                (Heads::default(), Vec::new(), Vec::new(), None);
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
    fn who_does_not_speak_http_is_not_waited_for() {
        assert_eq!(pass("\u{16}\u{3}\u{1}\u{2}\0").1, Some((0, Refused::Malformed)));
        assert_eq!(pass("GET / HTTP/1.1"), (String::new(), None));
    }
}
