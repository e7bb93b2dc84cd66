use db::Db;
use identity::Verifier;
use revocation::Revocations;

use crate::{
    keys::ApiKeyCache,
    limits::Limits,
    upstream::{BodyBounds, Upstreams},
};

/// State of all handlers.
pub struct App {
    /// Database, for readiness checks, and for session checks while revocations are not in sync.
    pub db: Db,
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// Sessions that were revoked.
    pub revocations: Revocations,
    /// Upstream services that requests are forwarded to.
    pub upstreams: Upstreams,
    /// Cache of API keys and their tokens.
    pub(crate) keys: ApiKeyCache,
    /// Limits of request bodies.
    pub body: BodyBounds,
    /// Rate limits of accounts, keys and addresses.
    pub(crate) limits: Limits,
}
