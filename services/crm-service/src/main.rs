//! The crm-service as a process of its own.

use std::process::ExitCode;

use crm_service::{App, Config, Workers};
use db::Wake;
use kernel::{Clock, Env};
use web::{Beside, Listener, Watch, serve, shutdown_signal, start_telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    web::program(Config::listens, Box::pin(run())).await
}

async fn run() -> anyhow::Result<()> {
    let mut env = Env::of_process();
    start_telemetry(&mut env);
    let config = Config::read(&mut env);
    let watch = Watch::read(&mut env, "crm-service", 9302);
    let hooks = backup::on_boot(&mut env, "crm-service");
    env.finish()?;
    let watched = watch.start().await?;

    let wake = Wake::default();
    let db = config.database.open(&*hooks).await?.sealing_cursors_with(&config.secret).waking(&wake);
    let listener = Listener::bind(config.listen).await?.within(config.bounds.clone());
    tracing::info!(address = %listener.address()?, "crm-service serves");
    let workers = Workers::start(&db, config.jobs);
    let events = config.events.start(&db, wake, crm_service::consumers());
    let revocations = config.revocation.start();
    let mut beside = vec![Beside::new("events", events.troubles().count())];
    beside.extend(revocations.troubles().map(|troubles| Beside::new("revocation", troubles)));
    let app = App { db, verifier: config.identity.verifier(Clock::system()).heeding(&revocations) };
    let (router, _) = crm_service::router_beside(app, beside, config.proxies);
    let served = serve(listener, router, shutdown_signal()).await;
    workers.stop().await;
    events.stop().await;
    watched.stop().await;
    Ok(served?)
}
