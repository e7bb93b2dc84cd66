//! Readiness checks, and the entry point of services with a `healthcheck` command.

use std::{
    env,
    fmt::Display,
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use axum::body::Body;
use hyper::Uri;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kernel::{Env, ListenAddress};
use tokio::time::timeout;

use super::exit_code;

/// Timeout of a readiness check.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reason why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It answered with this status.
    #[error("{0} says {1}")]
    Says(Uri, http::StatusCode),
    /// It cannot be connected to.
    #[error("{0} does not answer")]
    Silent(Uri, #[source] hyper_util::client::legacy::Error),
    /// It did not answer within the timeout.
    #[error("{0} does not answer in time")]
    Late(Uri),
}

/// Sends a readiness check to `url`.
pub async fn check_readiness(url: Uri) -> Result<(), NotReady> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    match timeout(REQUEST_TIMEOUT, client.get(url.clone())).await {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(NotReady::Says(url, answer.status())),
        Ok(Err(error)) => Err(NotReady::Silent(url, error)),
        Err(_) => Err(NotReady::Late(url)),
    }
}

/// Entry point of a service. It serves; or, as `SERVICE healthcheck`, checks the readiness of the running service,
/// for containers without an HTTP client. `listens` returns the service's address.
pub async fn run_service<E: Display>(
    listens: impl FnOnce(&mut Env) -> SocketAddr,
    serves: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    match env::args().nth(1).as_deref() {
        None => exit_code(serves.await),
        Some("healthcheck") => {
            let mut env = Env::from_process();
            let listens = listens(&mut env);
            match env.finish() {
                Ok(()) => exit_code(check_readiness(ready(listens)).await),
                Err(wrong) => exit_code(Err(wrong)),
            }
        }
        Some(_) => {
            let _ = writeln!(io::stderr(), "it takes no argument but healthcheck"); // standard error may be closed
            ExitCode::from(2)
        }
    }
}

/// URL of the readiness check of a service with this listen address, reachable on this machine even if it listens
/// on all interfaces.
#[must_use]
pub fn ready(listens: SocketAddr) -> Uri {
    Uri::builder()
        .scheme("http")
        .authority(ListenAddress(listens).reached_at().to_string())
        .path_and_query("/health/ready")
        .build()
        .unwrap_or_default() // all three parts are valid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_on_its_own_machine() {
        for (listens, asked) in [
            ("0.0.0.0:3000", "http://127.0.0.1:3000/health/ready"),
            ("[::]:3000", "http://[::1]:3000/health/ready"),
            ("[::1]:3000", "http://[::1]:3000/health/ready"),
            ("10.0.0.7:3001", "http://10.0.0.7:3001/health/ready"),
        ] {
            assert_eq!(ready(listens.parse().unwrap()).to_string(), asked);
        }
    }
}
