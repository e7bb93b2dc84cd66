//! The auth-service as a process of its own.

use std::process::ExitCode;

use auth_service::Config;
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
    let watch = Watch::read(&mut env, "auth-service", 9301);
    let hooks = backup::on_boot(&mut env, "auth-service");
    env.finish()?;
    let watched = watch.start().await?;

    let wake = Wake::default();
    let db = config.database.open(&*hooks).await?.waking(&wake);
    let revocations = config.revocation.start();
    let app = config.app(db, &revocations, &Clock::system()).await?;
    let listener = Listener::bind(config.listen).await?.within(config.bounds.clone());
    tracing::info!(address = %listener.address()?, "auth-service serves");
    // Without a broker they are those of the process that has the relay: two would take events from each other.
    let consumers = if config.events.has_broker() { auth_service::consumers(&app) } else { Vec::new() };
    let events = config.events.start(&app.db, wake, consumers);
    let mut beside = vec![Beside::new("events", events.troubles().count())];
    beside.extend(revocations.troubles().map(|troubles| Beside::new("revocation", troubles)));
    let (router, _) = auth_service::router_beside(app, beside);
    let served = serve(listener, router, shutdown_signal()).await;
    events.stop().await;
    watched.stop().await;
    Ok(served?)
}
