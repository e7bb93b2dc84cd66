use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header::USER_AGENT, request::Parts},
};
use serde_json::{Value, json};
use web::ClientAddress;

/// Client of a request: user agent and address.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// `User-Agent` header, truncated to 300 characters.
    pub(crate) agent: Option<String>,
    /// Network address of the client.
    pub(crate) address: ClientAddress,
}

impl Device {
    pub(crate) fn ip(&self) -> Option<String> {
        self.address.0.map(|address| address.to_string())
    }

    /// Details of the device for security events.
    pub(crate) fn told(&self) -> Value {
        json!({ "ip": self.ip(), "user_agent": self.agent })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let address = ClientAddress::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self { agent: agent.map(|agent| agent.chars().take(300).collect()), address })
    }
}
