//! The crm-service as a process of its own.

use std::process::ExitCode;

use crm_service::{App, Config, Workers};
use kernel::{Clock, Env};
use web::{Listener, serve, shutdown_signal, start_telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    web::exit_code(run().await)
}

async fn run() -> anyhow::Result<()> {
    let mut env = Env::of_process();
    start_telemetry(&mut env);
    let config = Config::read(&mut env);
    let hooks = backup::on_boot(&mut env, "crm-service");
    env.finish()?;

    let db = config.database.open(&*hooks).await?.sealing_cursors_with(&config.secret);
    let listener = Listener::bind(config.listen).await?;
    tracing::info!(address = %listener.address()?, "crm-service serves");
    let workers = Workers::start(&db, config.jobs);
    let (router, _) = crm_service::router(App { db, verifier: config.identity.verifier(Clock::system()) });
    let served = serve(listener, router, shutdown_signal()).await;
    workers.stop().await;
    Ok(served?)
}
