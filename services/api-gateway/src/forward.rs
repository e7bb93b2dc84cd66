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
    admit::{Place, admit, admit_within, name_client},
    edge::{hops, not_allowed},
    keys::Exchanged,
    limits::{Charge, Kind},
    trail::Trail,
    upstream::{BodyBounds, Outgoing, Service},
};

/// What somebody without a token may ask for. A path stands here once: it takes nothing else.
const PUBLIC: &[(&str, Method)] = &[
    ("/api/v1/auth/register", Method::POST),
    ("/api/v1/auth/register/resend", Method::POST),
    ("/api/v1/auth/register/confirm", Method::POST),
    ("/api/v1/auth/login", Method::POST),
    ("/api/v1/auth/refresh", Method::POST),
    ("/api/v1/auth/logout", Method::POST), // with a refresh token, whatever has become of the access token
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

/// What a person may ask for who is a member of no account. The services refuse them everything else as well.
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

/// Whether somebody without a token may ask.
enum Public {
    Yes,
    /// With another method, and whoever asks: these.
    Otherwise(HeaderValue),
    No,
}

impl Public {
    fn of(method: &Method, path: &str) -> Self {
        match PUBLIC.iter().find(|(public, _)| path == *public) {
            None => Self::No,
            Some((_, taken)) if method == taken => Self::Yes,
            Some((_, Method::GET)) if method == Method::HEAD => Self::Yes,
            Some((_, Method::GET)) => Self::Otherwise(HeaderValue::from_static("GET, HEAD")),
            Some(_) => Self::Otherwise(HeaderValue::from_static("POST")),
        }
    }
}

/// Sends a request on to the service whose path it has, and its answer back.
pub(crate) async fn forward(
    State(app): State<Arc<App>>,
    id: RequestId,
    client: ClientAddress,
    request: Request,
) -> Response {
    let mut trail = Trail::default();
    let mut charge = Charge::default();
    let answer = pass_on(&app, id, client, request, &mut trail, &mut charge).await;
    let mut answer = charge.follow(answer.into_response());
    trail.route = answer.headers_mut().remove(ROUTE);
    hops::end_to_end(answer.headers_mut());
    answer.extensions_mut().insert(trail);
    answer
}

async fn pass_on(
    app: &App,
    id: RequestId,
    client: ClientAddress,
    request: Request,
    trail: &mut Trail,
    charge: &mut Charge,
) -> Result<Response> {
    let path = request.uri().path();
    let service = Service::of(path);
    trail.is_secret = service == Service::Auth;
    let (mut key, mut counted) = (None, None);
    let public = Public::of(request.method(), path);
    if let Public::Otherwise(methods) = public {
        return Ok(not_allowed(methods));
    }
    if matches!(public, Public::Yes) {
        app.limits.knock(client.0, charge).await?;
    } else {
        let kind = Kind::of(request.method(), path);
        let admitted = admit_within(app, request.headers(), id, client, charge).await?;
        if let Place::Account(account) = admitted.place {
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
    let mut outgoing = Outgoing::of(request, bounds).await?;
    hops::inbound(&mut outgoing.headers);
    outgoing.headers.insert("x-request-id", id.header());
    name_client(&mut outgoing.headers, client.0);
    match key {
        Some(key) => send_with(app, service, key, id, client, outgoing, trail).await,
        None => send(app, service, outgoing, trail).await,
    }
}

/// Says of which account a request is, to who reads logs and traces.
fn told(trail: &mut Trail, account: AccountId) {
    tracing::Span::current().record("account.id", tracing::field::display(account));
    let traced = signals::Span::current();
    if traced.is_on() {
        traced.set("account.id", account.to_string());
    }
    trail.account = Some(account);
}

/// Sends a request with the token of a key. Where one that was remembered is refused, the rights of its member have changed
/// perhaps: another is got, and what can be sent a second time is.
async fn send_with(
    app: &App,
    service: Service,
    key: Exchanged,
    id: RequestId,
    client: ClientAddress,
    mut outgoing: Outgoing,
    trail: &mut Trail,
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
    trail: &mut Trail,
) -> Result<http::Response<Body>> {
    let limit = outgoing.bounds.bytes;
    let answer = app.upstreams.send(service, outgoing, trail).await;
    answer.map_err(|failure| failure.told(limit))
}

/// How large a body may be, and how long it may take: files are larger than records.
fn bounds(app: &App, request: &Request) -> BodyBounds {
    let upload = Upload::of(request.method(), request.uri().path());
    upload.map_or(app.body, |file| BodyBounds {
        bytes: file.limit,
        patience: Some(file.patience),
        ..app.body
    })
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
