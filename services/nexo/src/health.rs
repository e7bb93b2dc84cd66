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
