//! Authentication at the gateway: a valid token, or an API key that is exchanged for one.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Limited};
use identity::{ApiKey, Identity, TokenError};
use serde::Deserialize;
use web::{AccountRequired, Bearer, ClientAddress, Error, Result};

use crate::{
    App,
    access_record::AccessRecord,
    caller::{AdmittedCaller, Subject},
    keys::ExchangeOutcome,
    request_context::RequestContext,
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

/// Authenticates the caller, and records the account in logs and traces.
///
/// Token guessing is limited: an invalid token is charged to the client address; once its bucket is empty, only cached
/// tokens are accepted from it. Thus known callers are not locked out by others who share their address.
pub(crate) async fn authenticate<'c>(
    app: &App,
    context: &'c mut RequestContext,
    headers: &HeaderMap,
) -> Result<&'c AdmittedCaller> {
    if let Some(spent) = app.limits.exhausted(context.client.0)
        && !is_known(app, headers, context.client)
    {
        return Err(app.limits.reject(spent, context));
    }
    let admitted = identify(app, context, headers).await;
    if let Err(Error::Unauthenticated | Error::NoToken) = admitted {
        app.limits.charge_address(context).await?;
    }
    let caller = admitted?;
    if let Subject::Account(account) = caller.subject {
        ::telemetry::record("account.id", account);
        context.record.account = Some(account);
    }
    Ok(context.caller.insert(caller))
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
pub(crate) async fn identify(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
) -> Result<AdmittedCaller> {
    let Bearer(token) = Bearer::from_headers(headers).ok_or(Error::NoToken)?;
    if ApiKey::has_prefix(token) {
        return Box::pin(exchanged(app, context, token)).await; // large, and rare
    }
    let (subject, api_key) = match app.verifier.identify(token, context.id.0).await {
        Ok(Identity::Person(person)) => (Subject::Person(person.user()), None),
        Ok(Identity::Member(who)) => {
            if !app.revocations.is_in_sync() {
                Box::pin(app.db.admit(&who)).await?; // large, and rare
            }
            (Subject::Account(who.account()), who.is_key().then(|| who.session()))
        }
        Err(TokenError::Invalid) => return Err(Error::Unauthenticated),
        Err(TokenError::NoAccount) => return Err(AccountRequired.into()),
        Err(error @ TokenError::KeysUnavailable) => return Err(Error::Unavailable(error.into())),
    };
    Ok(AdmittedCaller { subject, api_key, exchanged: None })
}

async fn exchanged(app: &App, context: &RequestContext, key: &str) -> Result<AdmittedCaller> {
    let ApiKey { account, id, .. } = ApiKey::read(key).ok_or(Error::Unauthenticated)?;
    let token = app.keys.token(key, context.client.0, async || exchange(app, context, key).await).await?;
    Ok(AdmittedCaller { subject: Subject::Account(account), api_key: Some(id), exchanged: Some(token) })
}

/// Exchanges a key at the auth-service; anything but success or rejection is a failure.
async fn exchange(app: &App, context: &RequestContext, key: &str) -> ExchangeOutcome {
    let asked = tokio::time::timeout(EXCHANGE_TIMEOUT, ask(app, context, key)).await;
    asked.ok().flatten().unwrap_or(ExchangeOutcome::Failed)
}

async fn ask(app: &App, context: &RequestContext, key: &str) -> Option<ExchangeOutcome> {
    let mut request = Outgoing::new(Method::POST, TOKEN);
    request.headers.insert(AUTHORIZATION, bearer(key)?);
    context.write_to(&mut request.headers);
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

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}
