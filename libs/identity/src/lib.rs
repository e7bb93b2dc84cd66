//! Identity: passwords, tokens, keys, and the only constructor of a [`Principal`].
//!
//! Secrets stay inside this crate. A signing key exposes only its public half, a password only its hash, and a
//! token becomes a principal only through a [`Verifier`].
//!
//! * [`Verifier`] verifies access tokens, and returns the [`Principal`] with its [`Permissions`].
//! * [`Issuer`] issues access tokens, signed with a [`SigningKey`].
//! * [`Hasher`] hashes and verifies passwords on its own threads, with a bounded queue.
//!
//! ```
//! use identity::{Permissions, Principal, TokenError, Verifier};
//!
//! async fn may_write(verifier: &Verifier, token: &str) -> Result<bool, TokenError> {
//!     let who: Principal = verifier.verify(token, uuid::Uuid::now_v7()).await?;
//!     Ok(who.permissions().allow("client", "write"))
//! }
//!
//! let editor = Permissions::new(["client:read", "client:write@own"]);
//! assert!(editor.allow("client", "write"));
//! assert!(!editor.allow("client", "delete"));
//! ```

mod api_key;
mod catalogue;
mod config;
mod fields;
mod intersection;
mod keys;
mod password;
mod password_queue;
mod password_strength;
mod permissions;
mod principal;
mod public_keys;
mod refresh;
mod remote;
mod sealed;
mod sealed_key;
mod secret;
mod token;
mod verifier;

pub use api_key::{ApiKey, NewApiKey};
pub use catalogue::{OWNER, STANDARD_ROLES, SUBJECTS, StandardRole, Subject};
pub use config::{Config, IssuerConfig};
pub use fields::{HIDEABLE_FIELDS, HiddenField, HiddenFieldError, HideableFields};
pub use keys::{Jwk, Jwks, KeyError, SigningKey};
pub use password::{HashError, HashSlot, Hasher, Verdict};
pub use password_strength::{WeakPassword, check_strength};
pub use permissions::{Permission, PermissionError, Permissions, Scope};
pub use principal::{Identity, Person, Principal};
pub use public_keys::PublicKeys;
pub use refresh::{RefreshKey, RefreshToken};
pub use sealed::{SealError, Sealer};
pub use sealed_key::{SealedKey, SealingKey};
pub use secret::Secret;
pub use token::{AccessToken, Claims, Grant, Issuer};
pub use verifier::{TokenError, Verifier};
