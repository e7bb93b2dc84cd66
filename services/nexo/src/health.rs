use std::process::ExitCode;

use api_gateway::Config;
use hyper::Uri;
use kernel::Env;

use crate::say;

/// Exit code 0: ready. 1: not ready, or not there.
pub(crate) async fn check(mut env: Env, url: Option<Uri>) -> anyhow::Result<ExitCode> {
    let url = match url {
        Some(url) => url,
        None => gateway(&mut env)?,
    };
    match web::ask(url.clone()).await {
        Ok(()) => {
            say::line(&format!("{url} is ready"));
            Ok(ExitCode::SUCCESS)
        }
        Err(unready) => {
            say::problem(&say::causes(&unready.into()));
            Ok(ExitCode::from(1))
        }
    }
}

/// Where the settings say that it listens.
fn gateway(env: &mut Env) -> anyhow::Result<Uri> {
    let listens = Config::listens(env);
    env.so_far()?;
    anyhow::ensure!(
        listens.port() != 0,
        "NEXO_GATEWAY_LISTEN leaves the port to the system: give the address to ask, as `nexo up` shows it"
    );
    Ok(web::ready(listens))
}
