use std::error::Error as StdError;

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, Method, header::CONTENT_LENGTH};
use http_body_util::{LengthLimitError, Limited};
use identity::TokenError;
use web::{Bearer, ClientAddress, Error, FORWARDED_FOR, RequestId, Result};

use crate::{App, headers, upstream::Service};

/// What somebody without a token may ask for.
const PUBLIC: &[(&str, Method)] = &[
    ("/api/v1/auth/register", Method::POST),
    ("/api/v1/auth/register/resend", Method::POST),
    ("/api/v1/auth/register/confirm", Method::POST),
    ("/api/v1/auth/login", Method::POST),
    ("/api/v1/auth/refresh", Method::POST),
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
    ClientAddress(client): ClientAddress,
    request: Request,
) -> Result<Response> {
    let path = request.uri().path();
    let is_public = PUBLIC.iter().any(|(public, method)| path == *public && request.method() == method);
    if !is_public {
        admit(&app, request.headers(), id).await?;
    }
    if length(request.headers()).is_some_and(|length| length > app.body_limit) {
        return Err(Error::TooLarge(app.body_limit));
    }
    let service = Service::of(path);
    let mut request = request.map(|body| Body::new(Limited::new(body, app.body_limit)));
    headers::inbound(request.headers_mut());
    request.headers_mut().insert("x-request-id", id.header());
    if let Some(client) = client.and_then(|client| client.to_string().parse().ok()) {
        request.headers_mut().insert(FORWARDED_FOR, client);
    }

    let answer = app.upstreams.send(service, request).await.map_err(|error| failed(error, app.body_limit))?;
    let mut answer = answer.map(Body::new);
    headers::end_to_end(answer.headers_mut());
    Ok(answer)
}

/// A bad token goes no further. The service looks at it again: it trusts nobody.
async fn admit(app: &App, headers: &HeaderMap, id: RequestId) -> Result<()> {
    let Bearer(token) = Bearer::of(headers).ok_or(Error::Unauthenticated)?;
    match app.verifier.verify(token, id.0).await {
        Ok(_) => Ok(()),
        Err(TokenError::Invalid) => Err(Error::Unauthenticated),
        Err(error @ TokenError::KeysUnavailable) => Err(Error::Unavailable(error.into())),
    }
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
