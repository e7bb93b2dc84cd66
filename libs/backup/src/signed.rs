//! Signed JSON: `{"signature":"…","signed":{…}}`, with an HMAC-SHA-256 over the text of `signed`.

use aws_lc_rs::hmac;
use identity::Secret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::Name;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'e> {
    signature: &'e str,
    #[serde(borrow)]
    signed: &'e RawValue,
}

/// Signs the metadata files of backups. The key is derived from the deployment's secret.
#[derive(Clone)]
pub(crate) struct Signer(hmac::Key);

impl Signer {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.key_for("backup manifests"))
    }

    /// Signs `content`; `purpose` binds the signature to one file, so that files cannot be exchanged.
    pub(crate) fn sign(&self, purpose: &str, content: &impl Serialize) -> serde_json::Result<Vec<u8>> {
        let signed = serde_json::value::to_raw_value(content)?;
        let signature = self.signature(purpose, signed.get());
        serde_json::to_vec(&Envelope { signature: &signature, signed: &signed })
    }

    /// Verifies and parses a signed file; `None` if it was changed or not signed by this deployment.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, bytes: &[u8]) -> Option<T> {
        let envelope: Envelope<'_> = serde_json::from_slice(bytes).ok()?;
        let told = unhex(envelope.signature)?;
        hmac::verify(&self.0, message(purpose, envelope.signed.get()).as_bytes(), &told).ok()?;
        serde_json::from_str(envelope.signed.get()).ok()
    }

    fn signature(&self, purpose: &str, text: &str) -> String {
        hex(hmac::sign(&self.0, message(purpose, text).as_bytes()).as_ref())
    }
}

/// Context of a signature, which binds a file to its name and backup.
pub(crate) fn purpose(file: &str, name: &Name) -> String {
    format!("{file} of {name}")
}

fn message(purpose: &str, text: &str) -> String {
    format!("{purpose}\n{text}")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes lowercase hex only, so that a signature has exactly one encoding.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some((digit(*pair.first()?)? << 4) | digit(*pair.get(1)?)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_can_be_changed() {
        let signer = Signer::new(&Secret::generate());
        let signed = signer.sign("manifest", &[1, 2, 3]).unwrap();
        assert_eq!(signer.open::<Vec<u8>>("manifest", &signed), Some(vec![1, 2, 3]));
        assert_eq!(signer.open::<Vec<u8>>("status", &signed), None);
        assert_eq!(Signer::new(&Secret::generate()).open::<Vec<u8>>("manifest", &signed), None);
        for at in 0..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(signer.open::<Vec<u8>>("manifest", &changed), None, "bit {at}");
        }
    }
}
