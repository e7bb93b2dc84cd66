//! Runs the crm-service as a process of its own.

use std::process::ExitCode;

use crm_service::{App, Config};
use db::OutboxSignal;
use jobs::Workers;
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
    let watch = TelemetryConfig::read(&mut env, "crm-service", 9302);
    let hooks = backup::on_boot(&mut env, "crm-service");
    env.finish()?;
    let watched = watch.start().await?;

    let wake = OutboxSignal::default();
    let db = config.database.open(&*hooks).await?.with_cursor_key(&config.secret).with_event_wakeup(&wake);
    let listener = Listener::bind("NEXO_CRM_LISTEN", config.listen).await?.within(config.bounds.clone());
    tracing::info!(address = %listener.address()?, "crm-service serves");
    let workers = Workers::start(&db, config.jobs, crm_service::jobs());
    let events = config.events.start(&db, wake, crm_service::consumers());
    let revocations = config.revocation.start();
    let mut beside = vec![Dependency::new("events", events.troubles().count())];
    beside.extend(revocations.failures().map(|troubles| Dependency::new("revocation", troubles)));
    let app = App { db, verifier: config.identity.verifier(Clock::system()).with_revocations(&revocations) };
    let (router, _) = crm_service::router_with_dependencies(app, beside, config.proxies);
    let served = serve(listener, router, shutdown_signal()).await;
    workers.stop().await;
    events.stop().await;
    watched.stop().await;
    Ok(served?)
}
