//! Finds heads of requests that two programs may read differently: whoever stands before us would then see other requests
//! in a connection than we do (RFC 9112, 11.2).
//!
//! hyper reads the requests, and takes some of these as the standard allows: it prefers chunks to a length, takes equal
//! lengths for one, and lines that end in a bare line feed. This looks at the same bytes beside it, and knows lines alone.

/// A head that can be read in two ways.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Doubtful;

/// Of a line that comes in pieces, this much is kept: no name of a header and no length that matters is longer.
const KEPT: usize = 64;

/// Where in the requests of a connection we are.
#[derive(Debug, Default)]
pub(super) struct Heads {
    at: At,
    head: Head,
    /// How a line began whose end has not come yet.
    beginning: Vec<u8>,
    /// The byte before those that come next.
    last: u8,
}

#[derive(Debug, Default, Clone, Copy)]
enum At {
    #[default]
    Line,
    /// This much of a body is left.
    Body(u64),
    /// Behind the head of a body in chunks: the connection ends with that request.
    End,
}

/// What the lines of a head have said so far.
#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    is_chunked: bool,
    length: Option<u64>,
}

impl Heads {
    /// Looks at what was read next.
    pub(super) fn watch(&mut self, mut bytes: &[u8]) -> Result<(), Doubtful> {
        while !bytes.is_empty() {
            bytes = match self.at {
                At::Line => self.line(bytes)?,
                At::Body(left) => self.skip(left, bytes),
                At::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn skip<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.at = match left - skipped as u64 {
            0 => At::Line,
            left => At::Body(left),
        };
        bytes.get(skipped..).unwrap_or_default()
    }

    /// Takes a line, or what there is of it, from the front.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Doubtful> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.keep(bytes);
            return Ok(&[]);
        };
        let (line, rest) = bytes.split_at(end);
        if *line.last().unwrap_or(&self.last) != b'\r' {
            return Err(Doubtful);
        }
        let is_over = if self.beginning.is_empty() {
            self.head.line(line)?
        } else {
            self.keep(line);
            self.head.line(&std::mem::take(&mut self.beginning))?
        };
        self.last = 0;
        if is_over {
            self.at = std::mem::take(&mut self.head).body()?;
        }
        Ok(rest.get(1..).unwrap_or_default())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.beginning.len()).min(bytes.len());
        self.beginning.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.last = bytes.last().copied().unwrap_or(self.last);
    }
}

impl Head {
    /// Takes a line without its line feed; tells whether it was the last one.
    fn line(&mut self, line: &[u8]) -> Result<bool, Doubtful> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !self.has_begun {
            self.has_begun = !line.is_empty(); // an empty line before a request is none of it
            return Ok(false);
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Ok(line.is_empty()) };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            let digits = str::from_utf8(value).ok().filter(|digits| !digits.starts_with('+'));
            let length = digits.and_then(|digits| digits.parse().ok());
            if self.length.replace(length.ok_or(Doubtful)?).is_some() {
                return Err(Doubtful);
            }
        }
        Ok(false)
    }

    /// What follows it.
    fn body(self) -> Result<At, Doubtful> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Doubtful),
            (true, None) => Ok(At::End),
            (false, None | Some(0)) => Ok(At::Line),
            (false, Some(length)) => Ok(At::Body(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in pieces of every size.
    fn watch(bytes: &str) -> Result<(), Doubtful> {
        let whole = Heads::default().watch(bytes.as_bytes());
        for size in 1..bytes.len() {
            let mut heads = Heads::default();
            let pieces = bytes.as_bytes().chunks(size).try_for_each(|piece| heads.watch(piece));
            assert_eq!(pieces, whole, "{bytes:?} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn requests_that_can_be_read_in_one_way_pass() {
        let long = format!("GET / HTTP/1.1\r\nauthorization: {}\r\n\r\n", "x".repeat(300));
        for fine in [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\nContent-Length: 11\r\n\r\na\nb\r\n\nd: efPOST / HTTP/1.1\r\ncontent-length:0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nCONTENT-LENGTH: 1\n",
            &long,
        ] {
            assert_eq!(watch(fine), Ok(()), "{fine:?}");
        }
    }

    #[test]
    fn requests_that_can_be_read_in_two_ways_are_found() {
        for doubtful in [
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\ncontent-length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\n",
            "GET / HTTP/1.1\nhost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\naGET / HTTP/1.1\r\nhost: a\n\r\n",
        ] {
            assert_eq!(watch(doubtful), Err(Doubtful), "{doubtful:?}");
        }
    }
}
