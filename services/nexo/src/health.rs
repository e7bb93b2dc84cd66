use std::process::ExitCode;

use api_gateway::Config;
use hyper::Uri;
use kernel::Env;

use crate::{exit_code, output};

/// Exits with 0 if the service is ready; with 1 if it is not ready or unreachable.
pub(crate) async fn check(mut env: Env, url: Option<Uri>) -> anyhow::Result<ExitCode> {
    let url = match url {
        Some(url) => url,
        None => gateway(&mut env)?,
    };
    match web::check_readiness(url.clone()).await {
        Ok(()) => {
            output::line(&format!("{url} is ready"));
            Ok(ExitCode::SUCCESS)
        }
        Err(unready) => {
            output::problem(&output::causes(&unready.into()));
            Ok(ExitCode::from(exit_code::NO))
        }
    }
}

/// Parses a URL. An address alone is that of a service, whose readiness is asked for.
pub(crate) fn url(text: &str) -> Result<Uri, String> {
    let is_whole = text.contains("://");
    let whole = match (is_whole, text.contains('/')) {
        (true, _) => text.to_owned(),
        (false, true) => format!("http://{text}"),
        (false, false) => format!("http://{text}/health/ready"),
    };
    whole.parse().map_err(|_| "is no URL such as http://localhost:3000/health/ready".to_owned())
}

/// URL of the gateway according to the settings.
fn gateway(env: &mut Env) -> anyhow::Result<Uri> {
    let listens = Config::listens(env);
    env.snapshot()?;
    anyhow::ensure!(
        listens.port() != 0,
        "NEXO_GATEWAY_LISTEN leaves the port to the system: give the address to ask, as `nexo up` shows it"
    );
    Ok(web::ready(listens))
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn an_address_is_enough() {
        for (given, asked) in [
            ("localhost:4310", "http://localhost:4310/health/ready"),
            ("localhost:4310/api/health", "http://localhost:4310/api/health"),
            ("http://localhost:4310/", "http://localhost:4310/"),
        ] {
            assert_eq!(url(given).unwrap().to_string(), asked);
        }
        assert!(url("a b").unwrap_err().contains("http://"));
    }
}
