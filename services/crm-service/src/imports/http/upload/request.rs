//! Validation of an upload's parameters.

use encoding_rs::Encoding;
use http::HeaderMap;
use resource::ResourceHandle;
use web::{Error, MediaTypes, Result};

use crate::imports::{http::params::UploadParams, refusal::ImportRefusal, targets};

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Accepted media types of uploads.
const FILES: MediaTypes = MediaTypes {
    code: "import-media-type",
    names: &["text/csv", WORKBOOK, "text/plain", "text/tab-separated-values", "application/csv"],
    is_patch: false,
};

/// Validated parameters of an upload.
pub(super) struct UploadRequest {
    pub(super) target: ResourceHandle,
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) delimiter: Option<u8>,
    pub(super) workbook: bool,
}

impl UploadRequest {
    pub(super) fn parse(sent: &UploadParams, headers: &HeaderMap) -> Result<Self> {
        let target = targets::find(&sent.resource).ok_or(ImportRefusal::UnknownResource)?;
        if !(1..=255).contains(&sent.file_name.chars().count())
            || sent.file_name.chars().any(char::is_control)
        {
            return Err(Error::invalid("/file_name", "length", "must be one line of 1 to 255 characters"));
        }
        let encoding = sent
            .encoding
            .as_deref()
            .map(|name| Encoding::for_label(name.as_bytes()).ok_or(ImportRefusal::UnknownEncoding));
        let delimiter = match sent.delimiter.as_deref() {
            None => None,
            Some("," | "comma") => Some(b','),
            Some(";" | "semicolon") => Some(b';'),
            Some("|" | "pipe") => Some(b'|'),
            Some("\t" | "tab") => Some(b'\t'),
            Some(_) => return Err(Error::invalid("/delimiter", "enum", "must be one of , ; | tab")),
        };
        let workbook = FILES.announced(headers)? == WORKBOOK;
        Ok(Self { target, encoding: encoding.transpose()?, delimiter, workbook })
    }
}
