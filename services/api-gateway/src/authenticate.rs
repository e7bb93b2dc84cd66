//! Authentication at the gateway: a valid token, or an API key that is exchanged for one.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Limited};
use identity::{ApiKey, Identity, TokenError};
use kernel::{AccountId, SessionId, UserId};
use serde::Deserialize;
use uuid::Uuid;
use web::{AccountRequired, Bearer, ClientAddress, Error, FORWARDED_FOR, RequestId, Result};

use crate::{
    App,
    access_record::AccessRecord,
    keys::{ExchangeOutcome, Exchanged},
    limits::RateLimitCharge,
    upstream::{Outgoing, Service},
};

/// Path of the token exchange in the auth-service.
const TOKEN: &str = "/api/v1/auth/token";
/// Timeout of an exchange: longer than it normally takes, and short enough to still answer the client.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of an exchange's response.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Required fields of an exchange's response.
#[derive(Deserialize)]
struct ExchangeResponse {
    access_token: String,
    expires_in: u64,
}

/// Account or person that a caller authenticates for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EntryPoint {
    Account(AccountId),
    /// A person who is a member of no account.
    Nowhere(UserId),
}

impl EntryPoint {
    /// Key for rate limits: a person without an account has the limits of the plan `free`.
    pub(crate) fn counted(self) -> AccountId {
        match self {
            Self::Account(account) => account,
            Self::Nowhere(person) => Uuid::from(person).into(),
        }
    }

    /// Account of the caller; fails for a person without one.
    pub(crate) fn account(self) -> Result<AccountId> {
        match self {
            Self::Account(account) => Ok(account),
            Self::Nowhere(_) => Err(AccountRequired.into()),
        }
    }
}

/// An authenticated caller: with a valid token, or with a key that was exchanged for one.
pub(crate) struct AdmittedCaller {
    pub(crate) place: EntryPoint,
    /// API key of the caller, presented directly or by a token obtained for it.
    pub(crate) program: Option<SessionId>,
    pub(crate) key: Option<Exchanged>,
}

/// Limits token guessing. An invalid token is charged to the client address; once its bucket is empty, only cached
/// tokens are accepted from it. Thus known callers are not locked out by others who share their address.
pub(crate) async fn admit_within(
    app: &App,
    headers: &HeaderMap,
    id: RequestId,
    client: ClientAddress,
    charge: &mut RateLimitCharge,
) -> Result<AdmittedCaller> {
    if let Some(spent) = app.limits.exhausted(client.0)
        && !is_known(app, headers, client)
    {
        return Err(app.limits.reject(spent, charge));
    }
    let admitted = admit(app, headers, id, client).await;
    if let Err(Error::Unauthenticated | Error::NoToken) = admitted {
        app.limits.charge_address(client.0, charge).await?;
    }
    admitted
}

fn is_known(app: &App, headers: &HeaderMap, ClientAddress(client): ClientAddress) -> bool {
    Bearer::from_headers(headers).is_some_and(|Bearer(token)| {
        if ApiKey::has_prefix(token) {
            app.keys.is_cached(token, client)
        } else {
            app.verifier.is_cached(token)
        }
    })
}

/// Rejects invalid tokens. The service verifies the token again (zero trust). An API key is exchanged for a token.
pub(crate) async fn admit(
    app: &App,
    headers: &HeaderMap,
    id: RequestId,
    client: ClientAddress,
) -> Result<AdmittedCaller> {
    let Bearer(token) = Bearer::from_headers(headers).ok_or(Error::NoToken)?;
    if ApiKey::has_prefix(token) {
        return exchanged(app, token, id, client).await;
    }
    match app.verifier.identify(token, id.0).await {
        Ok(Identity::Person(person)) => {
            Ok(AdmittedCaller { place: EntryPoint::Nowhere(person.user()), program: None, key: None })
        }
        Ok(Identity::Member(who)) => {
            if !app.revocations.is_in_sync() {
                app.db.admit(&who).await?;
            }
            let program = who.is_key().then(|| who.session());
            Ok(AdmittedCaller { place: EntryPoint::Account(who.account()), program, key: None })
        }
        Err(TokenError::Invalid) => Err(Error::Unauthenticated),
        Err(TokenError::NoAccount) => Err(AccountRequired.into()),
        Err(error @ TokenError::KeysUnavailable) => Err(Error::Unavailable(error.into())),
    }
}

async fn exchanged(
    app: &App,
    key: &str,
    id: RequestId,
    ClientAddress(client): ClientAddress,
) -> Result<AdmittedCaller> {
    let ApiKey { account, id: program, .. } = ApiKey::read(key).ok_or(Error::Unauthenticated)?;
    let token = app.keys.token(key, client, async || exchange(app, key, id, client).await).await?;
    Ok(AdmittedCaller { place: EntryPoint::Account(account), program: Some(program), key: Some(token) })
}

/// Exchanges a key at the auth-service; anything but success or rejection is a failure.
async fn exchange(app: &App, key: &str, id: RequestId, client: Option<IpAddr>) -> ExchangeOutcome {
    let asked = tokio::time::timeout(EXCHANGE_TIMEOUT, ask(app, key, id, client)).await;
    asked.ok().flatten().unwrap_or(ExchangeOutcome::Failed)
}

async fn ask(app: &App, key: &str, id: RequestId, client: Option<IpAddr>) -> Option<ExchangeOutcome> {
    let mut request = Outgoing::new(Method::POST, TOKEN);
    request.headers.insert(AUTHORIZATION, bearer(key)?);
    request.headers.insert("x-request-id", id.header());
    name_client(&mut request.headers, client);
    let answer = app.upstreams.send(Service::Auth, request, &mut AccessRecord::default()).await.ok()?;
    match answer.status() {
        StatusCode::UNAUTHORIZED => Some(ExchangeOutcome::Refused),
        StatusCode::OK => {
            let body = Limited::new(answer.into_body(), MAX_RESPONSE_BYTES).collect().await.ok()?.to_bytes();
            let ExchangeResponse { access_token, expires_in } = serde_json::from_slice(&body).ok()?;
            Some(ExchangeOutcome::Token(bearer(&access_token)?, Duration::from_secs(expires_in)))
        }
        _ => None,
    }
}

/// Sets the client address for the service.
pub(crate) fn name_client(headers: &mut HeaderMap, client: Option<IpAddr>) {
    if let Some(client) = client.and_then(|client| HeaderValue::try_from(client.to_string()).ok()) {
        headers.insert(FORWARDED_FOR, client);
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}
