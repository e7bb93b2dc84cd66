//! Detects the encoding of a text file and converts it to UTF-8.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Scans a file as it arrives, to detect its encoding.
pub(in crate::imports) struct EncodingScan {
    detector: EncodingDetector,
    head: Vec<u8>,
    /// Incomplete character at the end of the previous part.
    begun: Vec<u8>,
    utf_8: bool,
    bytes: usize,
    /// Counts of NUL bytes at even and odd offsets.
    nuls: [usize; 2],
}

/// Encoding of a file, and whether it starts with a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::imports) struct DetectedEncoding {
    pub(in crate::imports) encoding: &'static Encoding,
    pub(in crate::imports) bom: bool,
}

impl EncodingScan {
    pub(in crate::imports) fn new() -> Self {
        let detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        Self { detector, head: Vec::new(), begun: Vec::new(), utf_8: true, bytes: 0, nuls: [0; 2] }
    }

    pub(in crate::imports) fn look(&mut self, part: &[u8]) {
        self.head.extend(part.iter().take(4 - self.head.len().min(4)));
        self.detector.feed(part, false);
        for (at, _) in part.iter().enumerate().filter(|(_, byte)| **byte == 0) {
            if let Some(count) = self.nuls.get_mut((self.bytes + at) % 2) {
                *count += 1;
            }
        }
        self.bytes += part.len();
        if self.utf_8 {
            self.begun.extend_from_slice(part);
            let whole = match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.len(),
                Err(error) => {
                    self.utf_8 = error.error_len().is_none();
                    error.valid_up_to()
                }
            };
            self.begun.drain(..whole);
        }
    }

    /// The encoding: as requested, else by byte order mark, else by detection.
    pub(in crate::imports) fn tell(self, said: Option<&'static Encoding>) -> DetectedEncoding {
        let marked = Encoding::for_bom(&self.head).map(|(encoding, _)| encoding);
        let encoding = said.or(marked).unwrap_or_else(|| self.guess());
        DetectedEncoding { encoding, bom: marked == Some(encoding) }
    }

    fn guess(&self) -> &'static Encoding {
        let [even, odd] = self.nuls;
        match self.bytes / 4 {
            quarter if odd > quarter => UTF_16LE, // Latin characters: the high byte is zero
            quarter if even > quarter => UTF_16BE,
            _ if self.utf_8 && self.begun.is_empty() => UTF_8,
            _ => self.detector.guess(None, Utf8Detection::Deny),
        }
    }
}

/// Streaming conversion of a file to UTF-8, without byte order mark.
pub(in crate::imports) struct ToUtf8(Decoder);

/// The file contains bytes that are invalid in its encoding.
#[derive(Debug)]
pub(in crate::imports) struct Undecodable;

impl ToUtf8 {
    pub(in crate::imports) fn new(writing: DetectedEncoding) -> Self {
        Self(writing.encoding.new_decoder_with_bom_removal())
    }

    pub(in crate::imports) fn part(&mut self, bytes: &[u8], last: bool) -> Result<String, Undecodable> {
        let mut text = String::new();
        text.reserve(self.0.max_utf8_buffer_length(bytes.len()).ok_or(Undecodable)?);
        let (_, _, wrong) = self.0.decode_to_string(bytes, &mut text, last);
        if wrong { Err(Undecodable) } else { Ok(text) }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::WINDOWS_1252;

    use super::*;

    fn told(bytes: &[u8]) -> (&'static str, bool, String) {
        let mut all = Vec::new();
        for size in [1, 3, bytes.len()] {
            let mut glance = EncodingScan::new();
            bytes.chunks(size).for_each(|part| glance.look(part));
            let writing = glance.tell(None);
            let mut decoder = ToUtf8::new(writing);
            let mut text: String =
                bytes.chunks(size).map(|part| decoder.part(part, false).unwrap()).collect();
            text.push_str(&decoder.part(b"", true).unwrap());
            all.push((writing.encoding.name(), writing.bom, text));
        }
        all.dedup();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let text = "name,city\nBólido,Luleå\nSüßwaren,Île\n";
        let utf_16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let with = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        let (little, big) = (utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes));
        for (bytes, name, bom) in [
            (text.as_bytes().to_vec(), "UTF-8", false),
            (with(b"\xef\xbb\xbf", text.as_bytes()), "UTF-8", true),
            (with(b"\xff\xfe", &little), "UTF-16LE", true),
            (with(b"\xfe\xff", &big), "UTF-16BE", true),
            (little.clone(), "UTF-16LE", false),
            (big.clone(), "UTF-16BE", false),
            (WINDOWS_1252.encode(text).0.into_owned(), "windows-1252", false),
        ] {
            assert_eq!(told(&bytes), (name, bom, text.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_an_encoding_does_not_have_is_no_text() {
        let mut glance = EncodingScan::new();
        glance.look(b"caf\xe9\n");
        let writing = glance.tell(Some(UTF_8));
        assert!(ToUtf8::new(writing).part(b"caf\xe9\n", true).is_err());
    }
}
