//! Connections: an account's identity provider and our registration there.

use db::{FromRow, TenantQuery, TenantTx};
use identity::{SealError, Sealer};
use kernel::{AccountId, Id};
use openidconnect::{ClientId, ClientSecret, IssuerUrl, url};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;
use web::{Error, Result};

/// A connection as it is used. The API shows it as an
/// [`OidcConnection`](crate::oidc_connections::list::OidcConnection), without its secret.
#[derive(FromRow)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    client_secret: Vec<u8>,
    pub(crate) domain: String,
}

/// Identifier of a connection.
pub(crate) type ConnectionId = Id<Connection>;

const FIND: TenantQuery = TenantQuery::new(
    "select id, issuer, client_id, client_secret, domain from app.oidc_connections where account_id = $1 and id = $2",
);

impl Connection {
    pub(crate) async fn find(tx: &mut TenantTx, id: ConnectionId) -> Result<Option<Self>> {
        Ok(tx.read::<Self>(FIND).bind(id).optional().await?)
    }

    pub(crate) fn issuer(&self) -> Result<IssuerUrl> {
        IssuerUrl::new(self.issuer.clone()).map_err(|error: url::ParseError| Error::Internal(error.into()))
    }

    pub(crate) fn client(&self, sealer: &Sealer, account: AccountId) -> Result<(ClientId, ClientSecret)> {
        let secret = sealer.open(&place(account, self.id), &self.client_secret).map_err(unsealed)?;
        let secret = String::from_utf8(secret).map_err(|error| Error::Internal(error.into()))?;
        Ok((ClientId::new(self.client_id.clone()), ClientSecret::new(secret)))
    }

    /// True if an e-mail belongs to the domain of this connection.
    pub(crate) fn speaks_for(&self, email: &str) -> bool {
        domain_of(email).is_some_and(|domain| domain == self.domain)
    }
}

/// Encrypts the client secret for storage.
pub(crate) fn seal(
    sealer: &Sealer,
    account: AccountId,
    id: ConnectionId,
    secret: &SecretString,
) -> Result<Vec<u8>> {
    sealer.seal(&place(account, id), secret.expose_secret().as_bytes()).map_err(unsealed)
}

/// The domain of an e-mail, normalized for comparison.
pub(crate) fn domain_of(email: &str) -> Option<String> {
    email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase())
}

pub(crate) fn unsealed(error: SealError) -> Error {
    Error::Internal(error.into())
}

/// Associated data of the encryption: a sealed secret opens in its own row only.
fn place(account: AccountId, id: ConnectionId) -> Vec<u8> {
    [b"connection".as_slice(), Uuid::from(account).as_bytes(), Uuid::from(id).as_bytes()].concat()
}
