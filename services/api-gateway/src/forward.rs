use std::error::Error as StdError;

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{
    HeaderMap, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use http_body_util::{LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use web::{ClientAddress, Error, RequestId, Result, Upload};

use crate::{
    App,
    admit::{admit, name_client},
    headers,
    keys::Exchanged,
    upstream::Service,
};

/// What somebody without a token may ask for.
const PUBLIC: &[(&str, Method)] = &[
    ("/api/v1/auth/register", Method::POST),
    ("/api/v1/auth/register/resend", Method::POST),
    ("/api/v1/auth/register/confirm", Method::POST),
    ("/api/v1/auth/login", Method::POST),
    ("/api/v1/auth/refresh", Method::POST),
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

/// Sends a request on to the service whose path it has, and its answer back; both bodies flow through.
pub(crate) async fn forward(
    State(app): State<App>,
    id: RequestId,
    client: ClientAddress,
    mut request: Request,
) -> Result<Response> {
    let path = request.uri().path();
    let is_public = PUBLIC.iter().any(|(public, method)| path == *public && request.method() == method);
    let key = if is_public { None } else { admit(&app, request.headers(), id, client).await? };
    let limit = limit(&app, &request);
    if length(request.headers()).is_some_and(|length| length > limit) {
        return Err(Error::TooLarge(limit));
    }
    headers::inbound(request.headers_mut());
    request.headers_mut().insert("x-request-id", id.header());
    name_client(request.headers_mut(), client.0);
    let answer = match key {
        Some(key) => send_with(&app, key, id, client, request).await?,
        None => send(&app, request).await?,
    };
    let mut answer = answer.map(Body::new);
    headers::end_to_end(answer.headers_mut());
    Ok(answer)
}

/// Sends a request with the token of a key. Where one that was remembered is refused, the rights of its member have changed
/// perhaps: another is got, and what can be sent a second time is.
async fn send_with(
    app: &App,
    key: Exchanged,
    id: RequestId,
    client: ClientAddress,
    mut request: Request,
) -> Result<http::Response<Incoming>> {
    let shown = request.headers_mut().insert(AUTHORIZATION, key.header.clone());
    let again = key.remembered.then(|| repeatable(&request)).flatten();
    let answer = send(app, request).await?;
    if answer.status() != StatusCode::UNAUTHORIZED {
        return Ok(answer);
    }
    app.keys.forget(&key);
    let (Some(mut again), Some(shown)) = (again, shown) else { return Ok(answer) };
    again.headers_mut().insert(AUTHORIZATION, shown);
    let Some(key) = admit(app, again.headers(), id, client).await? else { return Ok(answer) };
    again.headers_mut().insert(AUTHORIZATION, key.header);
    send(app, again).await
}

/// The same once more, if that is as good as once and there is no body that would have to be kept.
fn repeatable(request: &Request) -> Option<Request> {
    (request.method().is_idempotent() && request.body().is_end_stream()).then(|| {
        let mut again = Request::new(Body::empty());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    })
}

async fn send(app: &App, request: Request) -> Result<http::Response<Incoming>> {
    let (service, limit) = (Service::of(request.uri().path()), limit(app, &request));
    let request = request.map(|body| Body::new(Limited::new(body, limit)));
    app.upstreams.send(service, request).await.map_err(|error| failed(error, limit))
}

/// How large a body may be: files are larger than records.
fn limit(app: &App, request: &Request) -> usize {
    Upload::of(request.method(), request.uri().path()).map_or(app.body_limit, |file| file.limit)
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Not there: 503. There, and answering nonsense: 502. Or the client sent too much: 413.
fn failed(error: hyper_util::client::legacy::Error, limit: usize) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(one) = cause {
        if one.is::<LengthLimitError>() {
            return Error::TooLarge(limit);
        }
        cause = one.source();
    }
    if error.is_connect() { Error::Unavailable(error.into()) } else { Error::BadGateway(error.into()) }
}
