//! The three services in one process.

use std::{io, net::SocketAddr};

use axum::Router;
use db::OutboxSignal;
use events::EventSystem;
use jobs::Workers;
use kernel::{Clock, Env, ListenAddress};
use tokio_util::sync::CancellationToken;
use web::{ConnectionLimits, Dependency, Listener, shutdown_signal};

use super::embedded::DatabaseSource;

/// Listening sockets of the three services.
pub(crate) struct Listeners {
    gateway: Listener,
    auth: Listener,
    crm: Listener,
}

impl Listeners {
    /// Binds the sockets to the configured addresses.
    pub(crate) async fn bind(env: &mut Env) -> anyhow::Result<Self> {
        let gateway = api_gateway::Config::listens(env);
        let (auth, crm) = (auth_service::Config::listens(env), crm_service::Config::listens(env));
        env.snapshot()?;
        Ok(Self {
            gateway: Listener::bind("NEXO_GATEWAY_LISTEN", gateway).await?,
            auth: Listener::bind("NEXO_AUTH_LISTEN", auth).await?,
            crm: Listener::bind("NEXO_CRM_LISTEN", crm).await?,
        })
    }

    /// Address that the gateway listens on.
    pub(crate) fn gateway(&self) -> io::Result<SocketAddr> {
        self.gateway.address()
    }
}

/// The services, ready to be served.
pub(crate) struct Services {
    gateway: Router,
    bounds: ConnectionLimits,
    pub(crate) auth: auth_service::App,
    pub(crate) crm: Router,
    events: EventSystem,
    workers: Workers,
}

impl Services {
    /// Reads the configuration of all three, migrates, and opens their databases.
    pub(crate) async fn open(
        place: &DatabaseSource,
        mut env: Env,
        listeners: &Listeners,
    ) -> anyhow::Result<Self> {
        let upstream = |listener: &Listener| {
            Ok::<_, io::Error>(format!("http://{}", ListenAddress(listener.address()?).reached_at()))
        };
        // Only the gateway on this machine calls them.
        let mut auth_env = place
            .env_for(&env, "nexo_auth")?
            .with("NEXO_TRUSTED_PROXIES", "127.0.0.1,::1".to_owned())
            .with("NEXO_GATEWAY_LISTEN", listeners.gateway()?.to_string()); // link target of e-mails
        let mut crm_env =
            place.env_for(&env, "nexo_app")?.with("NEXO_TRUSTED_PROXIES", "127.0.0.1,::1".to_owned());
        let mut gateway_env = place
            .env_for(&env, "nexo_app")?
            .with("NEXO_AUTH_URL", upstream(&listeners.auth)?)
            .with("NEXO_CRM_URL", upstream(&listeners.crm)?);
        let auth = auth_service::Config::read(&mut auth_env);
        let crm = crm_service::Config::read(&mut crm_env);
        let gateway = api_gateway::Config::read(&mut gateway_env);
        let hooks = backup::on_boot(&mut auth_env, "nexo up");
        for one in [auth_env, crm_env, gateway_env] {
            env.also(one);
        }
        env.finish()?;

        let (clock, wake) = (Clock::system(), OutboxSignal::default());
        let revocations = auth.revocation.start(); // one process: shared by all three
        let auth_app = auth
            .app(auth.database.open(&*hooks).await?.with_event_wakeup(&wake), &revocations, &clock)
            .await?;
        let verifier = auth_app.verifier.clone(); // one process, one set of keys
        let crm_db = crm.database.open(&*hooks).await?.with_cursor_key(&crm.secret).with_event_wakeup(&wake);
        let gateway_db = gateway.database.open(&*hooks).await?;
        let gateway_app = gateway.app(gateway_db, verifier.clone(), revocations);
        // One relay delivers the events of all services in this process.
        let consumers = [crm_service::consumers(), auth_service::consumers(&auth_app)].concat();
        let events = crm.events.start(&crm_db, wake, consumers);
        let beside = vec![Dependency::new("events", events.troubles().count())];
        let workers = Workers::start(&crm_db, crm.jobs, crm_service::jobs());
        Ok(Self {
            gateway: api_gateway::router(gateway_app, &gateway),
            bounds: gateway.bounds,
            auth: auth_app,
            crm: crm_service::router_with_dependencies(
                crm_service::App { db: crm_db, verifier },
                beside,
                crm.proxies,
            )
            .0,
            events,
            workers,
        })
    }

    /// Serves until shutdown is requested or a service fails. The gateway drains first, because its requests need the
    /// others.
    pub(crate) async fn serve(self, listeners: Listeners) -> anyhow::Result<()> {
        let (edge, rest) = (CancellationToken::new(), CancellationToken::new());
        let serve = |listener, router, stop: &CancellationToken| {
            let stop = stop.clone();
            tokio::spawn(web::serve(listener, router, async move { stop.cancelled().await }))
        };
        let mut gateway = serve(listeners.gateway.within(self.bounds), self.gateway, &edge);
        let mut auth = serve(listeners.auth, auth_service::router(self.auth).0, &rest);
        let mut crm = serve(listeners.crm, self.crm, &rest);
        tokio::select! {
            () = shutdown_signal() => {}
            ended = &mut gateway => ended??,
            ended = &mut auth => ended??,
            ended = &mut crm => ended??,
        }
        edge.cancel();
        if !gateway.is_finished() {
            gateway.await??;
        }
        rest.cancel();
        for service in [auth, crm] {
            if !service.is_finished() {
                service.await??;
            }
        }
        self.events.stop().await;
        self.workers.stop().await;
        Ok(())
    }
}
