//! Rules of form.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize as _, Deserializer, de::Error};

/// No password, code, key or token of ours is longer, and none of a provider's that we know of.
const LONGEST: usize = 4_096;

/// Reads a secret that is short enough to be looked at.
pub(crate) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    bounded(SecretString::deserialize(from)?)
}

/// The same of one that may be absent.
pub(crate) fn some_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Option::<SecretString>::deserialize(from)?.map(bounded).transpose()
}

fn bounded<E: Error>(secret: SecretString) -> Result<SecretString, E> {
    if secret.expose_secret().len() <= LONGEST {
        return Ok(secret);
    }
    Err(E::custom("must have at most 4096 bytes"))
}
