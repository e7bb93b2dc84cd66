//! A request to a service, in three steps that share its context: it is authenticated, rate limited and forwarded.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use web::{ClientAddress, Error, ROUTE, RequestBounds, RequestId, Result, Upload};

use crate::{
    App,
    authenticate::{authenticate, identify},
    edge::{Edge, hop_by_hop, not_allowed},
    keys::Exchanged,
    limits::Kind,
    operations::Access,
    request_context::RequestContext,
    upstream::{BodyBounds, Outgoing, Service},
};

/// Paths that are forwarded, as their routes in logs.
const FORWARDED: [(&str, &str); 2] =
    [("/api/v1/", "/api/v1/{*rest}"), ("/.well-known/", "/.well-known/{*rest}")];

/// Service of all paths that the gateway does not answer itself. It takes no route, whose layers would cost each
/// request several allocations.
#[derive(Clone)]
pub(crate) struct Forwarding(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    edge: Edge,
    bounds: RequestBounds,
}

impl Forwarding {
    pub(crate) fn new(app: Arc<App>, edge: Edge, bounds: RequestBounds) -> Self {
        Self(Arc::new(Inner { app, edge, bounds }))
    }
}

impl tower::Service<Request> for Forwarding {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move {
            let Inner { app, edge, bounds } = &*service;
            let route = forwarded_route(request.uri().path());
            let run = async |request| match route {
                // Boxed once, because each wrapper around it would move it.
                Some(_) => Box::pin(answer(app, request)).await,
                None => Error::NotFound("this path").into_response(),
            };
            let run = |request| bounds.answer(route.unwrap_or_default(), request, run);
            Ok(edge.answer(request, run).await)
        })
    }
}

fn forwarded_route(path: &str) -> Option<&'static str> {
    let is_below = |prefix: &str| path.len() > prefix.len() && path.starts_with(prefix);
    FORWARDED.iter().find(|(prefix, _)| is_below(prefix)).map(|(_, route)| *route)
}

/// Handler of a route that is forwarded, too.
pub(crate) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request).await
}

/// Answers a request with the response of the service that serves its path.
async fn answer(app: &App, request: Request) -> Response {
    let mut context = RequestContext::new(RequestId::current_or_new(), ClientAddress::of(&request));
    let answer = process(app, &mut context, request).await;
    let RequestContext { charge, mut record, .. } = context;
    let mut answer = charge.follow(answer.into_response());
    record.route = answer.headers_mut().remove(ROUTE);
    hop_by_hop::end_to_end(answer.headers_mut());
    answer.extensions_mut().insert(record);
    answer
}

async fn process(app: &App, context: &mut RequestContext, request: Request) -> Result<Response> {
    let (method, path) = (request.method(), request.uri().path());
    let (service, kind) = (Service::from_path(path), Kind::from_request(method, path));
    context.record.is_secret = service == Service::Auth;
    let access = Access::from_request(method, path);
    if let Access::MethodNotAllowed(methods) = access {
        return Ok(not_allowed(methods));
    }
    if !matches!(access, Access::Public) {
        authenticate(app, context, request.headers()).await?;
    }
    app.limits.rate_limit(context, kind).await?;
    if let (Access::Account, Some(caller)) = (access, &context.caller) {
        caller.subject.account()?; // checked late, so that its refusal is rate limited as well
    }
    forward(app, context, service, request).await
}

/// Forwards a request within the limits of its body. A caller with an API key is known to the service by a token.
async fn forward(
    app: &App,
    context: &mut RequestContext,
    service: Service,
    request: Request,
) -> Result<Response> {
    let bounds = bounds(app, &request);
    if length(request.headers()).is_some_and(|length| length > bounds.bytes) {
        return Err(Error::TooLarge(bounds.bytes));
    }
    let request = app.limits.charge_body(context, request).await?;
    let mut outgoing = Outgoing::from_request(request, bounds).await?;
    hop_by_hop::inbound(&mut outgoing.headers);
    context.write_to(&mut outgoing.headers);
    match context.caller.as_mut().and_then(|caller| caller.exchanged.take()) {
        // Boxed, because it holds two requests: as a part of this future it would be moved with every request.
        Some(token) => Box::pin(send_with(app, context, service, token, outgoing)).await,
        None => send(app, context, service, outgoing).await,
    }
}

/// Sends a request with the token of an API key. If a cached token is rejected, the member's rights may have
/// changed: obtains a new token, and retries if the request is repeatable.
async fn send_with(
    app: &App,
    context: &mut RequestContext,
    service: Service,
    token: Exchanged,
    mut outgoing: Outgoing,
) -> Result<Response> {
    let key = outgoing.headers.insert(AUTHORIZATION, token.header.clone());
    let is_repeatable = token.remembered && outgoing.method.is_idempotent();
    let again = is_repeatable.then(|| outgoing.copy()).flatten();
    let answer = send(app, context, service, outgoing).await?;
    if answer.status() != StatusCode::UNAUTHORIZED {
        return Ok(answer);
    }
    app.keys.forget(&token);
    let (Some(mut again), Some(key)) = (again, key) else { return Ok(answer) };
    again.headers.insert(AUTHORIZATION, key);
    let Some(token) = identify(app, context, &again.headers).await?.exchanged else { return Ok(answer) };
    again.headers.insert(AUTHORIZATION, token.header);
    send(app, context, service, again).await
}

async fn send(
    app: &App,
    context: &mut RequestContext,
    service: Service,
    outgoing: Outgoing,
) -> Result<http::Response<Body>> {
    let limit = outgoing.bounds.bytes;
    let answer = app.upstreams.send(service, outgoing, &mut context.record).await;
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
