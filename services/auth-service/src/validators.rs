//! Validators of input that are specific to this service.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize as _, Deserializer, de::Error};

/// Longer than any password, code, key or token of this service, and than the provider tokens known to us.
const MAX_SECRET_BYTES: usize = 4_096;

/// Deserializes a secret and rejects it if it exceeds `MAX_SECRET_BYTES`.
pub(crate) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    bounded(SecretString::deserialize(from)?)
}

/// Deserializes an optional secret of at most `MAX_SECRET_BYTES`.
pub(crate) fn some_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Option::<SecretString>::deserialize(from)?.map(bounded).transpose()
}

fn bounded<E: Error>(secret: SecretString) -> Result<SecretString, E> {
    if secret.expose_secret().len() <= MAX_SECRET_BYTES {
        return Ok(secret);
    }
    Err(E::custom("must have at most 4096 bytes"))
}
