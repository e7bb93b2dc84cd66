//! Asking a service whether it is ready, and a program that serves or asks.

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

/// How long a service may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// It says so.
    #[error("{0} says {1}")]
    Says(Uri, http::StatusCode),
    /// It is not there.
    #[error("{0} does not answer")]
    Silent(Uri, #[source] hyper_util::client::legacy::Error),
    /// It takes too long.
    #[error("{0} does not answer in time")]
    Late(Uri),
}

/// Asks `url` whether it is ready.
pub async fn ask(url: Uri) -> Result<(), Unready> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    match timeout(PATIENCE, client.get(url.clone())).await {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(Unready::Says(url, answer.status())),
        Ok(Err(error)) => Err(Unready::Silent(url, error)),
        Err(_) => Err(Unready::Late(url)),
    }
}

/// A service's program: it serves; or, as `SERVICE healthcheck`, asks the one that serves whether it is ready, for
/// containers that have no other program to ask with. `listens` tells where that is.
pub async fn program<E: Display>(
    listens: impl FnOnce(&mut Env) -> SocketAddr,
    serves: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    match env::args().nth(1).as_deref() {
        None => exit_code(serves.await),
        Some("healthcheck") => {
            let mut env = Env::of_process();
            let listens = listens(&mut env);
            match env.finish() {
                Ok(()) => exit_code(ask(ready(listens)).await),
                Err(wrong) => exit_code(Err(wrong)),
            }
        }
        Some(_) => {
            let _ = writeln!(io::stderr(), "it takes no argument but healthcheck"); // nobody may be listening
            ExitCode::from(2)
        }
    }
}

/// Where a service that listens there says whether it is ready: asked on this machine, whoever else it listens to.
#[must_use]
pub fn ready(listens: SocketAddr) -> Uri {
    Uri::builder()
        .scheme("http")
        .authority(ListenAddress(listens).reached_at().to_string())
        .path_and_query("/health/ready")
        .build()
        .unwrap_or_default() // all three are there
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
