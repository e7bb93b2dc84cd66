//! The auth-service as a process of its own.

use std::process::ExitCode;

use auth_service::Config;
use db::Wake;
use kernel::{Clock, Env};
use web::{Beside, Listener, serve, shutdown_signal, start_telemetry};

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
    let hooks = backup::on_boot(&mut env, "auth-service");
    env.finish()?;

    let wake = Wake::default();
    let db = config.database.open(&*hooks).await?.waking(&wake);
    let app = config.app(db, &Clock::system()).await?;
    let listener = Listener::bind(config.listen).await?.within(config.bounds.clone());
    tracing::info!(address = %listener.address()?, "auth-service serves");
    let events = config.events.start(&app.db, wake, Vec::new());
    let beside = vec![Beside::new("events", events.troubles().count())];
    let (router, _) = auth_service::router_beside(app, beside);
    let served = serve(listener, router, shutdown_signal()).await;
    events.stop().await;
    Ok(served?)
}
