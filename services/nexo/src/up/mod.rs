//! `nexo up`: all services in one process.

mod embedded;
mod services;

use std::process::ExitCode;

use backup::{Config, Plan};
use embedded::DatabaseSource;
use kernel::{Env, ListenAddress};
use pg_server::Cluster;
use services::Services;
use web::{Telemetry, TelemetryConfig};

use crate::{
    db::{Target, keep_schedule, watch_backups},
    demo, output,
};

pub(crate) async fn up(mut env: Env, with_demo: bool) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !(with_demo && env.production()),
        "--demo makes accounts with known passwords: not in production"
    );
    let home = env.state_dir();
    let listeners = services::Listeners::bind(&mut env).await; // report a port in use before starting anything
    let listeners = match listeners {
        Err(taken) if Cluster::running(&home).is_ok_and(|other| other.is_some()) => {
            return Err(taken.context(format!("NEXO runs already in {}", home.display())));
        }
        other => other?,
    };
    let watched = TelemetryConfig::read(&mut env, "nexo", 9300).start().await?;
    let place = DatabaseSource::find(&mut env).await?;
    let done = tokio::select! {
        done = Box::pin(serve(&place, env, listeners, &watched, with_demo)) => done,
        () = place.lost() => Ok(ExitCode::FAILURE), // `leave` returns the reason
    };
    watched.stop().await;
    place.leave().await?;
    output::line("stopped");
    done
}

async fn serve(
    place: &DatabaseSource,
    env: Env,
    listeners: services::Listeners,
    watched: &Telemetry,
    with_demo: bool,
) -> anyhow::Result<ExitCode> {
    let gateway = format!("http://{}", ListenAddress(listeners.gateway()?).reached_at());
    let mut schedule_env = place.env_for(&env, "nexo_app")?;
    let services = Services::open(place, env, &listeners).await?;
    let demo = if with_demo {
        Box::pin(demo::fill(services.auth.clone(), &services.crm)).await?
    } else {
        Vec::new()
    };
    output::line(&welcome(&gateway, place, watched, &demo));
    let schedule = scheduler(&mut schedule_env, watched)?;
    let served = services.serve(listeners).await;
    schedule.abort(); // an aborted backup leaves no files
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Runs backups, pruning and drills when they are due.
fn scheduler(env: &mut Env, watched: &Telemetry) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let (plan, config) = (Plan::read(env), Config::read(env));
    let target = Target::beside(env)?;
    env.clone().finish()?;
    watch_backups(watched, &config);
    Ok(tokio::spawn(async move {
        if let Some(target) = target {
            keep_schedule(&config, &plan, &target).await;
        }
    }))
}

fn welcome(gateway: &str, place: &DatabaseSource, watched: &Telemetry, demo: &[demo::Login]) -> String {
    let database = place.description();
    let metrics = watched.address().map_or("off".to_owned(), |address| format!("http://{address}/metrics"));
    let mut parts = vec![format!(
        "\nNEXO is up.\n\n  API       {gateway}/api/v1\n  docs      {gateway}/docs\n  health    {gateway}/api/health\n  e-mails   {gateway}/dev/mail\n  metrics   {metrics}\n  database  {database}\n"
    )];
    let curl = |path: &str, body: &str| {
        format!(
            "  curl -s {gateway}/api/v1/auth/{path} -H 'Content-Type: application/json' -d \\\n    '{body}'\n"
        )
    };
    if demo.is_empty() {
        let body = r#"{"email":"you@example.com","password":"correct-horse-battery","display_name":"You","account_name":"Your Company"}"#;
        parts.push(format!("Register:\n\n{}", curl("register", body)));
    }
    for demo::Login { account, email, password } in demo {
        let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
        parts.push(format!("Log in to {account}:\n\n{}", curl("login", &body)));
    }
    parts.push("Stop with Ctrl-C.\n".to_owned());
    parts.join("\n")
}
