use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use kernel::AccountId;
use web::{ClientAddress, Error, ROUTE, RequestId, Result, Upload};

use crate::{
    App,
    access_record::AccessRecord,
    authenticate::{EntryPoint, admit, admit_within, name_client},
    edge::{hop_by_hop, not_allowed},
    keys::Exchanged,
    limits::{Kind, RateLimitCharge},
    upstream::{BodyBounds, Outgoing, Service},
};

/// Public operations, which need no token. Each path accepts a single method.
const PUBLIC: &[(&str, Method)] = &[
    ("/api/v1/auth/register", Method::POST),
    ("/api/v1/auth/register/resend", Method::POST),
    ("/api/v1/auth/register/confirm", Method::POST),
    ("/api/v1/auth/login", Method::POST),
    ("/api/v1/auth/refresh", Method::POST),
    ("/api/v1/auth/logout", Method::POST), // needs a refresh token; the access token may have expired
    ("/api/v1/auth/token", Method::POST),
    ("/api/v1/auth/oidc/start", Method::POST),
    ("/api/v1/auth/oidc/finish", Method::POST),
    ("/api/v1/auth/password/reset", Method::POST),
    ("/api/v1/auth/password/reset/confirm", Method::POST),
    ("/api/v1/auth/email/confirm", Method::POST),
    ("/api/v1/auth/invitations/accept", Method::POST),
    ("/dev/mail", Method::GET),
    ("/.well-known/jwks.json", Method::GET),
];

/// Operations for a person without an account. The services also reject everything else.
const FOR_PERSONS: &[(&str, Method)] = &[
    ("/api/v1/auth/me", Method::GET),
    ("/api/v1/auth/invitations", Method::GET),
    ("/api/v1/invitations/accept", Method::POST),
    ("/api/v1/accounts", Method::GET),
    ("/api/v1/accounts", Method::POST),
];

fn is_among(operations: &[(&str, Method)], request: &Request) -> bool {
    operations.iter().any(|(path, method)| request.uri().path() == *path && request.method() == method)
}

/// Whether an operation is public.
enum AnonymousAccess {
    Yes,
    /// Public, but not with this method; the value is the `Allow` header.
    Otherwise(HeaderValue),
    No,
}

impl AnonymousAccess {
    fn from_request(method: &Method, path: &str) -> Self {
        match PUBLIC.iter().find(|(public, _)| path == *public) {
            None => Self::No,
            Some((_, taken)) if method == taken => Self::Yes,
            Some((_, Method::GET)) if method == Method::HEAD => Self::Yes,
            Some((_, Method::GET)) => Self::Otherwise(HeaderValue::from_static("GET, HEAD")),
            Some(_) => Self::Otherwise(HeaderValue::from_static("POST")),
        }
    }
}

/// Forwards a request to the service of its path, and returns the response.
pub(crate) async fn forward(
    State(app): State<Arc<App>>,
    id: RequestId,
    client: ClientAddress,
    request: Request,
) -> Response {
    let mut trail = AccessRecord::default();
    let mut charge = RateLimitCharge::default();
    let answer = pass_on(&app, id, client, request, &mut trail, &mut charge).await;
    let mut answer = charge.follow(answer.into_response());
    trail.route = answer.headers_mut().remove(ROUTE);
    hop_by_hop::end_to_end(answer.headers_mut());
    answer.extensions_mut().insert(trail);
    answer
}

async fn pass_on(
    app: &App,
    id: RequestId,
    client: ClientAddress,
    request: Request,
    trail: &mut AccessRecord,
    charge: &mut RateLimitCharge,
) -> Result<Response> {
    let path = request.uri().path();
    let service = Service::from_path(path);
    trail.is_secret = service == Service::Auth;
    let (mut key, mut counted) = (None, None);
    let public = AnonymousAccess::from_request(request.method(), path);
    if let AnonymousAccess::Otherwise(methods) = public {
        return Ok(not_allowed(methods));
    }
    if matches!(public, AnonymousAccess::Yes) {
        app.limits.charge_address(client.0, charge).await?;
    } else {
        let kind = Kind::from_request(request.method(), path);
        let admitted = admit_within(app, request.headers(), id, client, charge).await?;
        if let EntryPoint::Account(account) = admitted.place {
            told(trail, account);
        }
        let account = admitted.place.counted();
        app.limits.charge((account, client.0), admitted.program, kind, charge).await?;
        if !is_among(FOR_PERSONS, &request) {
            admitted.place.account()?;
        }
        (key, counted) = (admitted.key, Some(account));
    }
    let bounds = bounds(app, &request);
    if length(request.headers()).is_some_and(|length| length > bounds.bytes) {
        return Err(Error::TooLarge(bounds.bytes));
    }
    let request = match counted {
        Some(account) => app.limits.charge_body(account, request).await?,
        None => request,
    };
    let mut outgoing = Outgoing::from_request(request, bounds).await?;
    hop_by_hop::inbound(&mut outgoing.headers);
    outgoing.headers.insert("x-request-id", id.header());
    name_client(&mut outgoing.headers, client.0);
    match key {
        Some(key) => send_with(app, service, key, id, client, outgoing, trail).await,
        None => send(app, service, outgoing, trail).await,
    }
}

/// Records the account of a request in logs and traces.
fn told(trail: &mut AccessRecord, account: AccountId) {
    tracing::Span::current().record("account.id", tracing::field::display(account));
    let traced = ::telemetry::Span::current();
    if traced.is_recording() {
        traced.set("account.id", account.to_string());
    }
    trail.account = Some(account);
}

/// Sends a request with the token of an API key. If a cached token is rejected, the member's rights may have
/// changed: obtains a new token, and retries if the request is repeatable.
async fn send_with(
    app: &App,
    service: Service,
    key: Exchanged,
    id: RequestId,
    client: ClientAddress,
    mut outgoing: Outgoing,
    trail: &mut AccessRecord,
) -> Result<Response> {
    let shown = outgoing.headers.insert(AUTHORIZATION, key.header.clone());
    let is_repeatable = key.remembered && outgoing.method.is_idempotent();
    let again = is_repeatable.then(|| outgoing.copy()).flatten();
    let answer = send(app, service, outgoing, trail).await?;
    if answer.status() != StatusCode::UNAUTHORIZED {
        return Ok(answer);
    }
    app.keys.forget(&key);
    let (Some(mut again), Some(shown)) = (again, shown) else { return Ok(answer) };
    again.headers.insert(AUTHORIZATION, shown);
    let Some(key) = admit(app, &again.headers, id, client).await?.key else { return Ok(answer) };
    again.headers.insert(AUTHORIZATION, key.header);
    send(app, service, again, trail).await
}

async fn send(
    app: &App,
    service: Service,
    outgoing: Outgoing,
    trail: &mut AccessRecord,
) -> Result<http::Response<Body>> {
    let limit = outgoing.bounds.bytes;
    let answer = app.upstreams.send(service, outgoing, trail).await;
    answer.map_err(|failure| failure.told(limit))
}

/// Limits of a body: files are larger and take longer than records.
fn bounds(app: &App, request: &Request) -> BodyBounds {
    let upload = Upload::new(request.method(), request.uri().path());
    upload.map_or(app.body, |file| BodyBounds {
        bytes: file.limit,
        patience: Some(file.patience),
        ..app.body
    })
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
