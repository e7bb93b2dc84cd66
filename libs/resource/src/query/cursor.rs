//! Cursors: positions in a list, authenticated (HMAC-SHA-256) and bound to the account and the list.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use db::{Result, TenantTx};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::unanswerable;

/// Half of the HMAC: 128 bits cannot be guessed, and cursors are part of URLs.
const TAG: usize = 16;
/// Upper bound of a valid cursor: four keys, of which a text may have 200 characters.
const MAX_CURSOR_BYTES: usize = 8 * 1024;

pub(crate) struct CursorCodec {
    key: std::sync::Arc<hmac::Key>,
    context: Vec<u8>,
}

impl CursorCodec {
    /// Codec for cursors of one list of the transaction's account; `list` identifies the list and its order.
    pub(crate) fn new(tx: &TenantTx, list: &[&str]) -> Self {
        let mut context = Uuid::from(tx.account()).as_bytes().to_vec();
        for part in list {
            context.extend(part.len().to_be_bytes());
            context.extend(part.as_bytes());
        }
        Self { key: tx.cursor_key(), context }
    }

    pub(crate) fn encode<T: Serialize>(&self, position: &T) -> String {
        let position = serde_json::to_vec(position).unwrap_or_default(); // JSON values and ids always serialize
        let mut sealed = self.tag(&position).to_vec();
        sealed.extend(position);
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    pub(crate) fn decode<T: DeserializeOwned>(&self, cursor: &str) -> Result<T> {
        self.read(cursor)
            .ok_or_else(|| unanswerable("cursor", "does not belong to this list, sort and filter"))
    }

    fn read<T: DeserializeOwned>(&self, cursor: &str) -> Option<T> {
        let sealed = BASE64_URL_SAFE_NO_PAD
            .decode(Some(cursor).filter(|cursor| cursor.len() <= MAX_CURSOR_BYTES)?)
            .ok()?;
        let (tag, position) = sealed.split_first_chunk::<TAG>()?;
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &self.tag(position)).ok()?;
        serde_json::from_slice(position).ok()
    }

    fn tag(&self, position: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&self.context);
        context.update(position);
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}
