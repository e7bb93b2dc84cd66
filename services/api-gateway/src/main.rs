//! The api-gateway as a separate process.

use std::process::ExitCode;

use api_gateway::Config;
use kernel::{Clock, Env};
use web::{Listener, TelemetryConfig, serve, shutdown_signal, start_telemetry};

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
    let watch = TelemetryConfig::read(&mut env, "api-gateway", 9300);
    let hooks = backup::on_boot(&mut env, "api-gateway");
    env.finish()?;
    let watched = watch.start().await?;

    let db = config.database.open(&*hooks).await?;
    let listener = Listener::bind("NEXO_GATEWAY_LISTEN", config.listen)
        .await?
        .within(config.bounds.clone())
        .on_own_threads();
    tracing::info!(address = %listener.address()?, "api-gateway serves");
    let app = config.app(db, config.identity.verifier(Clock::system()), config.revocation.start());
    let router = api_gateway::router(app, &config);
    let served = serve(listener, router, shutdown_signal()).await;
    watched.stop().await;
    Ok(served?)
}
