//! Who somebody is: passwords, tokens, keys, and the only maker of a [`Principal`].
//!
//! Secrets stay inside this crate: a signing key signs and shows nothing but its public half, a password goes in and
//! a hash comes out, and a token becomes a principal only through a [`Verifier`].

mod config;
mod keys;
mod password;
mod permissions;
mod principal;
mod refresh;
mod remote;
mod sealed;
mod secret;
mod strength;
mod token;
mod verifier;

pub use config::{Config, Mint};
pub use keys::{Jwk, Jwks, KeyError, PublicKeys, SigningKey};
pub use password::{HashError, Hasher, Verdict};
pub use permissions::{Permissions, STANDARD_ROLES, StandardRole};
pub use principal::Principal;
pub use refresh::{RefreshKey, RefreshToken};
pub use sealed::{SealError, Sealer};
pub use secret::Secret;
pub use strength::{Weakness, strength};
pub use token::{AccessToken, Claims, Grant, Issuer};
pub use verifier::{TokenError, Verifier};
