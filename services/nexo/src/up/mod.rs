//! `nexo up`: everything in one process.

mod demo;
pub(crate) mod embedded;
mod services;

use std::process::ExitCode;

use kernel::Env;

use crate::say;
use embedded::Place;
use services::Services;

pub(crate) async fn up(mut env: Env, with_demo: bool) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !(with_demo && env.production()),
        "--demo makes accounts with known passwords: not in production"
    );
    let listeners = services::Listeners::bind(&mut env).await?; // a port that is taken is told before anything starts
    let place = Place::find(&mut env).await?;
    let done = serve(&place, env, listeners, with_demo).await;
    place.leave().await?;
    say::line("stopped");
    done
}

async fn serve(
    place: &Place,
    env: Env,
    listeners: services::Listeners,
    with_demo: bool,
) -> anyhow::Result<ExitCode> {
    let gateway = format!("http://{}", listeners.gateway()?);
    let services = Services::open(place, env, &listeners).await?;
    let demo = if with_demo { demo::fill(&services).await? } else { Vec::new() };
    say::line(&welcome(&gateway, place, &demo));
    services.serve(listeners).await?;
    Ok(ExitCode::SUCCESS)
}

fn welcome(gateway: &str, place: &Place, demo: &[demo::Login]) -> String {
    let mut text = format!(
        "\nNEXO is up.\n\n  API       {gateway}/api/v1\n  docs      {gateway}/docs\n  health    {gateway}/api/health\n  database  {}\n",
        place.description()
    );
    if demo.is_empty() {
        text += &format!(
            "\nRegister:\n\n  curl -s {gateway}/api/v1/auth/register -H 'Content-Type: application/json' -d \\\n    \
             '{{\"email\":\"you@example.com\",\"password\":\"correct-horse-battery\",\"display_name\":\"You\",\"account_name\":\"Your Company\"}}'\n"
        );
    }
    for demo::Login { account, email, password } in demo {
        text += &format!(
            "\nLog in to {account}:\n\n  curl -s {gateway}/api/v1/auth/login -H 'Content-Type: application/json' -d \\\n    \
             '{{\"email\":\"{email}\",\"password\":\"{password}\"}}'\n"
        );
    }
    text + "\nStop with Ctrl-C.\n"
}
