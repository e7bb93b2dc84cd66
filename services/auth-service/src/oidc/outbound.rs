//! Requests to issuers: bounded in time and size, and limited to public addresses.

use std::{future::Future, pin::Pin, time::Duration};

use openidconnect::{
    AsyncHttpClient, HttpRequest, HttpResponse,
    url::{Host, Url},
};
use reqwest::{Client, Request, Response, redirect};

use super::{
    Config,
    address::{PublicNames, is_loopback, is_public},
};

/// Timeout of one request to an issuer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a response from an issuer.
const MAX_RESPONSE_BYTES: usize = 128 * 1024;

/// HTTP client for requests to issuers.
#[derive(Debug)]
pub(crate) struct Outbound {
    client: Client,
    may_be_private: bool,
    may_be_plain: bool,
}

/// Reason why a request to an issuer failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    /// Plain HTTP, which would expose the client secret.
    #[error("the address must begin with https://")]
    Plain,
    /// An address of our own network.
    #[error("the address must be a public one")]
    Private,
    /// Connection failure, timeout or truncated response.
    #[error("no answer")]
    Silent(#[from] reqwest::Error),
    /// The response exceeds the size limit.
    #[error("the answer is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
}

impl Outbound {
    pub(crate) fn new(config: &Config) -> Result<Self, reqwest::Error> {
        // A redirect could lead to a forbidden address, and a proxy would bypass the DNS resolver.
        let builder =
            Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(REQUEST_TIMEOUT);
        let builder = if config.may_be_private { builder } else { builder.dns_resolver(PublicNames) };
        Ok(Self {
            client: builder.build()?,
            may_be_private: config.may_be_private,
            may_be_plain: config.may_be_plain,
        })
    }

    /// Checks whether a URL may be requested. Host names are checked when they are resolved.
    pub(crate) fn admits(&self, url: &Url) -> Result<(), OutboundError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        let encrypted = url.scheme() == "https";
        let here = url.scheme() == "http" && is_loopback(url);
        if !(encrypted || here && self.may_be_plain) {
            return Err(OutboundError::Plain);
        }
        if !self.may_be_private && address.is_some_and(|address| !is_public(address)) {
            return Err(OutboundError::Private);
        }
        Ok(())
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let request = Request::try_from(request)?;
        self.admits(request.url())?;
        let mut answer = self.client.execute(request).await?;
        let body = body(&mut answer).await?;
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

async fn body(answer: &mut Response) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
