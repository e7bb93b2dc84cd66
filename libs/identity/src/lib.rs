//! Who somebody is: passwords, tokens, keys, and the only maker of a [`Principal`].
//!
//! Secrets stay inside this crate: a signing key signs and shows nothing but its public half, a password goes in and
//! a hash comes out, and a token becomes a principal only through a [`Verifier`].

mod api_key;
mod catalogue;
mod config;
mod fields;
mod keys;
mod password;
mod permissions;
mod principal;
mod public_keys;
mod refresh;
mod remote;
mod sealed;
mod sealed_key;
mod secret;
mod strength;
mod token;
mod verifier;
mod within;

pub use api_key::{ApiKey, NewApiKey};
pub use catalogue::{OWNER, STANDARD_ROLES, SUBJECTS, StandardRole, Subject};
pub use config::{Config, Mint};
pub use fields::{HIDEABLE_FIELDS, HiddenField, HiddenFieldError, HideableFields};
pub use keys::{Jwk, Jwks, KeyError, SigningKey};
pub use password::{HashError, Hasher, Place, Verdict};
pub use permissions::{Permission, PermissionError, Permissions, Scope};
pub use principal::{Identity, Person, Principal};
pub use public_keys::PublicKeys;
pub use refresh::{RefreshKey, RefreshToken};
pub use sealed::{SealError, Sealer};
pub use sealed_key::{SealedKey, SealingKey};
pub use secret::Secret;
pub use strength::{Weakness, strength};
pub use token::{AccessToken, Claims, Grant, Issuer};
pub use verifier::{TokenError, Verifier};
