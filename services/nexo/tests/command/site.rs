//! The three services as separate processes.

use testkit::Database;

use crate::{
    api::Api,
    boot::{Booted, boot, healthy},
};

pub(crate) struct Site {
    pub(crate) database: Database,
    pub(crate) auth: Booted,
    pub(crate) crm: Booted,
    pub(crate) gateway: Booted,
    _state: tempfile::TempDir,
}

/// Service, name of a setting, and its value.
pub(crate) type Setting<'s> = (&'static str, &'static str, &'s str);

impl Site {
    pub(crate) async fn start(more: &[Setting<'_>]) -> Self {
        Self::on(Database::migrated().await, more).await
    }

    /// Starts the services on this database.
    pub(crate) async fn on(database: Database, more: &[Setting<'_>]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let url = |port| format!("http://127.0.0.1:{port}");
        let start = |service: &'static str, settings: &[(&'static str, &str)]| {
            let more = more.iter().filter(|(of, ..)| *of == service).map(|&(_, name, value)| (name, value));
            boot(&database, service, state.path(), &settings.iter().copied().chain(more).collect::<Vec<_>>())
        };
        let auth = start("auth-service", &[]);
        let (at_auth, jwks) = (url(auth.port), format!("{}/.well-known/jwks.json", url(auth.port)));
        let crm = start("crm-service", &[("NEXO_JWKS_URL", &jwks)]);
        let at_crm = url(crm.port);
        let upstreams = [("NEXO_JWKS_URL", &*jwks), ("NEXO_AUTH_URL", &at_auth), ("NEXO_CRM_URL", &at_crm)];
        let gateway = start("api-gateway", &upstreams);
        for service in [&auth, &crm, &gateway] {
            assert!(healthy(service.port).await);
        }
        Self { database, auth, crm, gateway, _state: state }
    }

    /// Client for the gateway's public API.
    pub(crate) fn api(&self) -> Api {
        Api { url: format!("http://127.0.0.1:{}", self.gateway.port) }
    }
}
