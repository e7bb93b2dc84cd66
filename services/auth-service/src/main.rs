//! Runs the auth-service as a process of its own.

use std::process::ExitCode;

use auth_service::Config;
use db::OutboxSignal;
use kernel::{Clock, Env};
use web::{Dependency, Listener, TelemetryConfig, serve, shutdown_signal, start_telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    web::run_service(Config::listens, Box::pin(run())).await
}

async fn run() -> anyhow::Result<()> {
    let mut env = Env::from_process();
    start_telemetry(&mut env);
    let config = Config::read(&mut env);
    let watch = TelemetryConfig::read(&mut env, "auth-service", 9301);
    let hooks = backup::on_boot(&mut env, "auth-service");
    env.finish()?;
    let watched = watch.start().await?;

    let wake = OutboxSignal::default();
    let db = config.database.open(&*hooks).await?.with_event_wakeup(&wake);
    let revocations = config.revocation.start();
    let app = config.app(db, &revocations, &Clock::system()).await?;
    let listener = Listener::bind("NEXO_AUTH_LISTEN", config.listen).await?.within(config.bounds.clone());
    tracing::info!(address = %listener.address()?, "auth-service serves");
    // Without a broker, only the process that runs the relay consumes events: two would compete for them.
    let consumers = if config.events.has_broker() { auth_service::consumers(&app) } else { Vec::new() };
    let events = config.events.start(&app.db, wake, consumers);
    let mut beside = vec![Dependency::new("events", events.troubles().count())];
    beside.extend(revocations.failures().map(|troubles| Dependency::new("revocation", troubles)));
    let (router, _) = auth_service::router_with_dependencies(app, beside);
    let served = serve(listener, router, shutdown_signal()).await;
    events.stop().await;
    watched.stop().await;
    Ok(served?)
}
