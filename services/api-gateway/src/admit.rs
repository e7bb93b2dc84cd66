//! Who comes in at the edge: whoever has a good token, or a key that gets one.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Limited};
use identity::{ApiKey, Identity, TokenError};
use kernel::{AccountId, SessionId, UserId};
use serde::Deserialize;
use uuid::Uuid;
use web::{Bearer, ClientAddress, Error, FORWARDED_FOR, NoAccount, RequestId, Result};

use crate::{
    App,
    keys::{Exchanged, Outcome},
    limits::Charge,
    trail::Trail,
    upstream::{Outgoing, Service},
};

/// Where a key becomes a token.
const TOKEN: &str = "/api/v1/auth/token";
/// Longer than an exchange takes when all is well, and short enough to tell the client about it.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer of an exchange is larger.
const LARGEST: usize = 64 * 1024;

/// The part of an exchange's answer that we need.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

/// Where somebody comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Account(AccountId),
    /// A person who is a member of no account.
    Nowhere(UserId),
}

impl Place {
    /// Whose requests are counted: a person without an account has as many as an account of the plan `free`.
    pub(crate) fn counted(self) -> AccountId {
        match self {
            Self::Account(account) => account,
            Self::Nowhere(person) => Uuid::from(person).into(),
        }
    }

    /// The account; a refusal of whoever is in none.
    pub(crate) fn account(self) -> Result<AccountId> {
        match self {
            Self::Account(account) => Ok(account),
            Self::Nowhere(_) => Err(NoAccount.into()),
        }
    }
}

/// Somebody whose token is good, or whose key got one.
pub(crate) struct Admitted {
    pub(crate) place: Place,
    /// The API key that asks, by itself or by a token that it got.
    pub(crate) program: Option<SessionId>,
    pub(crate) key: Option<Exchanged>,
}

/// Lets nobody try tokens without end: a bad one is charged to the address that it comes from, and once that has nothing
/// left, a token that is not known to be good is not looked at. Whoever has come in before is not kept out by others who
/// share their address.
pub(crate) async fn admit_within(
    app: &App,
    headers: &HeaderMap,
    id: RequestId,
    client: ClientAddress,
    charge: &mut Charge,
) -> Result<Admitted> {
    if let Some(spent) = app.limits.has_spent(client.0)
        && !is_known(app, headers, client)
    {
        return Err(app.limits.turned_away(spent, charge));
    }
    let admitted = admit(app, headers, id, client).await;
    if let Err(Error::Unauthenticated | Error::NoToken) = admitted {
        app.limits.knock(client.0, charge).await?;
    }
    admitted
}

fn is_known(app: &App, headers: &HeaderMap, ClientAddress(client): ClientAddress) -> bool {
    Bearer::of(headers).is_some_and(|Bearer(token)| {
        if ApiKey::is_meant(token) {
            app.keys.remembers(token, client)
        } else {
            app.verifier.remembers(token)
        }
    })
}

/// A bad token goes no further. The service looks at it again: it trusts nobody. A key gets a token.
pub(crate) async fn admit(
    app: &App,
    headers: &HeaderMap,
    id: RequestId,
    client: ClientAddress,
) -> Result<Admitted> {
    let Bearer(token) = Bearer::of(headers).ok_or(Error::NoToken)?;
    if ApiKey::is_meant(token) {
        return exchanged(app, token, id, client).await;
    }
    match app.verifier.identify(token, id.0).await {
        Ok(Identity::Person(person)) => {
            Ok(Admitted { place: Place::Nowhere(person.user()), program: None, key: None })
        }
        Ok(Identity::Member(who)) => {
            if !app.revocations.is_certain() {
                app.db.admit(&who).await?;
            }
            let program = who.is_key().then(|| who.session());
            Ok(Admitted { place: Place::Account(who.account()), program, key: None })
        }
        Err(TokenError::Invalid) => Err(Error::Unauthenticated),
        Err(TokenError::NoAccount) => Err(NoAccount.into()),
        Err(error @ TokenError::KeysUnavailable) => Err(Error::Unavailable(error.into())),
    }
}

async fn exchanged(
    app: &App,
    key: &str,
    id: RequestId,
    ClientAddress(client): ClientAddress,
) -> Result<Admitted> {
    let ApiKey { account, id: program, .. } = ApiKey::read(key).ok_or(Error::Unauthenticated)?;
    let token = app.keys.token(key, client, async || exchange(app, key, id, client).await).await?;
    Ok(Admitted { place: Place::Account(account), program: Some(program), key: Some(token) })
}

/// Asks the auth-service, and takes whatever is neither yes nor no for a failure.
async fn exchange(app: &App, key: &str, id: RequestId, client: Option<IpAddr>) -> Outcome {
    let asked = tokio::time::timeout(PATIENCE, ask(app, key, id, client)).await;
    asked.ok().flatten().unwrap_or(Outcome::Failed)
}

async fn ask(app: &App, key: &str, id: RequestId, client: Option<IpAddr>) -> Option<Outcome> {
    let mut request = Outgoing::new(Method::POST, TOKEN);
    request.headers.insert(AUTHORIZATION, bearer(key)?);
    request.headers.insert("x-request-id", id.header());
    name_client(&mut request.headers, client);
    let answer = app.upstreams.send(Service::Auth, request, &mut Trail::default()).await.ok()?;
    match answer.status() {
        StatusCode::UNAUTHORIZED => Some(Outcome::Refused),
        StatusCode::OK => {
            let body = Limited::new(answer.into_body(), LARGEST).collect().await.ok()?.to_bytes();
            let Answer { access_token, expires_in } = serde_json::from_slice(&body).ok()?;
            Some(Outcome::Token(bearer(&access_token)?, Duration::from_secs(expires_in)))
        }
        _ => None,
    }
}

/// Tells a service whom we ask for.
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
