//! Many services starting at once on an unmigrated database.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use testkit::Database;

use crate::api::Api;

const SERVICES: [&str; 3] = ["crm-service", "auth-service", "api-gateway"];

/// Path of a service's binary, which is built next to this test's.
pub(crate) fn program(name: &str) -> std::path::PathBuf {
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_nexo")).parent().unwrap();
    let program = programs.join(name);
    assert!(program.exists(), "{} is not built: run the tests of the whole workspace", program.display());
    program
}

pub(crate) struct Booted {
    child: Child,
    pub(crate) port: u16,
    /// Port of the metrics endpoint.
    pub(crate) metrics: u16,
}

impl Booted {
    /// True if the process has exited by itself.
    pub(crate) fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn boot(
    database: &Database,
    name: &str,
    state: &std::path::Path,
    more: &[(&str, &str)],
) -> Booted {
    let (port, metrics) = (testkit::free_port(), testkit::free_port());
    let role = if name == "auth-service" { "nexo_auth" } else { "nexo_app" };
    let listen = match name {
        "auth-service" => "NEXO_AUTH_LISTEN",
        "crm-service" => "NEXO_CRM_LISTEN",
        _ => "NEXO_GATEWAY_LISTEN",
    };
    let mut command = Command::new(program(name));
    command.env_clear().envs(database.settings(role)).env(listen, format!("127.0.0.1:{port}"));
    command.env("NEXO_METRICS_LISTEN", format!("127.0.0.1:{metrics}"));
    command
        .env("NEXO_STATE_DIR", state)
        .envs(more.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Booted { child: command.spawn().unwrap(), port, metrics }
}

pub(crate) async fn healthy(port: u16) -> bool {
    for _ in 0..300 {
        let url = format!("http://127.0.0.1:{port}/health/ready");
        let asked = tokio::process::Command::new(env!("CARGO_BIN_EXE_nexo"))
            .args(["healthcheck", &url])
            .output()
            .await;
        if asked.unwrap().status.success() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_services_boot_at_once_on_an_empty_database() {
    let cluster = testkit::ephemeral(&[]).await;
    let database = Database::empty(&cluster).await;
    let state = tempfile::tempdir().unwrap();
    let booted: Vec<_> = (0..8).map(|at| boot(&database, SERVICES[at % 3], state.path(), &[])).collect();
    for service in &booted {
        assert!(healthy(service.port).await, "port {}", service.port);
    }
    let mut look = database.look().await;
    let (applied, rows): (i64, i64) =
        sqlx::query_as("select count(*) filter (where success), count(*) from ops.migration_history")
            .fetch_one(&mut look)
            .await
            .unwrap();
    let known = i64::try_from(migrate::Migrations::embedded().unwrap().iter().count()).unwrap();
    assert_eq!((applied, rows), (known, known));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_and_comes_back_needs_no_restart() {
    let mut cluster = testkit::ephemeral(&["fsync=on", "full_page_writes=on", "synchronous_commit=on"]).await;
    let database = Database::empty(&cluster).await;
    let state = tempfile::tempdir().unwrap();
    let service = boot(&database, "crm-service", state.path(), &[]);
    assert!(healthy(service.port).await);
    cluster.crash().await.unwrap();
    let url = format!("http://127.0.0.1:{}/health/ready", service.port);
    let asked = Command::new(env!("CARGO_BIN_EXE_nexo")).args(["healthcheck", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(said.contains("503"), "{said}");
    cluster.start_again().await.unwrap();
    assert!(healthy(service.port).await);
}

/// As in production, each service is a process, and only public keys are exchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_knows_tokens_by_the_keys_that_auth_service_publishes() {
    let database = Database::migrated().await;
    let state = tempfile::tempdir().unwrap();
    let auth = boot(&database, "auth-service", state.path(), &[]);
    let (auth_url, jwks) = (
        format!("http://127.0.0.1:{}", auth.port),
        format!("http://127.0.0.1:{}/.well-known/jwks.json", auth.port),
    );
    let crm = boot(&database, "crm-service", state.path(), &[("NEXO_JWKS_URL", &jwks)]);
    let orphan =
        boot(&database, "crm-service", state.path(), &[("NEXO_JWKS_URL", "http://127.0.0.1:9/jwks.json")]);
    for port in [auth.port, crm.port, orphan.port] {
        assert!(healthy(port).await);
    }
    let token = Api { url: auth_url }.register("ana@acme.test").await;
    let at = |booted: &Booted| Api { url: format!("http://127.0.0.1:{}", booted.port) };
    assert_eq!(at(&crm).get_as(&token, "/api/v1/clients").await["data"], serde_json::json!([]));
    assert_eq!(at(&crm).get_as("forged", "/api/v1/clients").await["status"], 401);
    // Without any keys a token cannot be verified, which does not make it invalid.
    assert_eq!(at(&orphan).get_as(&token, "/api/v1/clients").await["status"], 503);
}
