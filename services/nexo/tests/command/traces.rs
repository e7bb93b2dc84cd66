//! Traces, as exported to a collector.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span as Told, trace::v1::span::SpanKind,
};
use prost::Message as _;
use serde_json::json;
use testkit::{Database, RabbitMq};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::site::Site;

const PATIENCE: Duration = Duration::from_secs(60);
/// Trace context forged by a client.
const FORGED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A span and the service that exported it.
#[derive(Debug, Clone)]
struct Seen {
    service: String,
    span: Told,
}

impl Seen {
    fn attributes(&self) -> BTreeMap<String, String> {
        let told = self.span.attributes.iter();
        told.map(|one| (one.key.clone(), format!("{:?}", one.value))).collect()
    }
}

/// A trace collector for tests.
#[derive(Default, Clone)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let taking = collector.clone();
        let take = async move |body: Bytes| taking.take(&body);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await });
        (collector, address)
    }

    fn take(&self, body: &[u8]) {
        let sent = ExportTraceServiceRequest::decode(body).unwrap();
        for of_one in sent.resource_spans {
            let attributes = of_one.resource.unwrap().attributes;
            let name = attributes.into_iter().find(|one| one.key == "service.name").unwrap().value;
            let service = format!("{:?}", name.unwrap().value.unwrap());
            let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| Seen { service: service.clone(), span }));
        }
    }

    fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for the span of this service with this name and parent.
    async fn find(&self, service: &str, name: &str, parent: Option<&Seen>) -> Seen {
        let end = Instant::now() + PATIENCE;
        loop {
            let is_meant = |one: &&Seen| {
                let of = parent.is_none_or(|parent| {
                    (&one.span.trace_id, &one.span.parent_span_id)
                        == (&parent.span.trace_id, &parent.span.span_id)
                });
                one.service.contains(service) && one.span.name == name && of
            };
            if let Some(found) = self.all().iter().find(is_meant) {
                return found.clone();
            }
            let names: Vec<_> = self.all().into_iter().map(|one| (one.service, one.span.name)).collect();
            assert!(Instant::now() < end, "no {name} of {service} in {names:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_one_trace_from_the_gateway_to_the_consumer_of_its_event() {
    let (collector, address) = Collector::start().await;
    let (database, broker) = (Database::migrated().await, RabbitMq::shared().await.url());
    let relay =
        database.settings("nexo_relay").into_iter().find(|(name, _)| name == "DATABASE_URL").unwrap().1;
    let mut settings = vec![
        ("crm-service", "AMQP_URL", broker.as_str()),
        ("crm-service", "RELAY_DATABASE_URL", &relay),
        ("crm-service", "NEXO_TRUSTED_PROXIES", "127.0.0.1"),
        ("auth-service", "NEXO_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    for service in ["auth-service", "crm-service", "api-gateway"] {
        settings.push((service, "OTEL_EXPORTER_OTLP_ENDPOINT", &address));
        settings.push((service, "OTEL_BSP_SCHEDULE_DELAY", "100"));
    }
    let site = Site::on(database, &settings).await;
    let api = site.api();
    let token = api.register("ana@acme.test").await;
    let body = json!({ "title": "a very private title" });
    let made = api.post_traced(&token, "/api/v1/tasks", &body, FORGED).await;
    assert!(made["id"].is_string(), "{made}");

    let edge = collector.find("api-gateway", "POST /api/v1/tasks", None).await;
    assert!(edge.span.parent_span_id.is_empty(), "nobody outside of us is its parent");
    assert!(
        !FORGED.contains(&edge.span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    );
    let asking = collector.find("api-gateway", "POST", Some(&edge)).await;
    let served = collector.find("crm-service", "POST /api/v1/tasks", Some(&asking)).await;
    let transaction = collector.find("crm-service", "transaction", Some(&served)).await;
    let insert = collector.find("crm-service", "INSERT app.tasks", Some(&transaction)).await;
    collector.find("crm-service", "COMMIT", Some(&transaction)).await;
    let sent = collector.find("crm-service", "send crm.task.created", Some(&transaction)).await;
    let worked = collector.find("crm-service", "process crm.task.created", Some(&transaction)).await;
    let inner = collector.find("crm-service", "transaction", Some(&worked)).await;
    collector.find("crm-service", "INSERT app.consumed_events", Some(&inner)).await;
    for (seen, kind) in [
        (&edge, SpanKind::Server),
        (&asking, SpanKind::Client),
        (&served, SpanKind::Server),
        (&insert, SpanKind::Client),
        (&sent, SpanKind::Producer),
        (&worked, SpanKind::Consumer),
    ] {
        assert_eq!(seen.span.kind(), kind, "{}", seen.span.name);
    }
    for (seen, name, value) in [
        (&edge, "http.request.method", "POST"),
        (&edge, "http.route", "/api/v1/tasks"),
        (&served, "http.response.status_code", "201"),
        (&served, "account.id", "0"),
        (&insert, "db.system.name", "postgresql"),
        (&insert, "db.operation.name", "INSERT"),
        (&worked, "messaging.system", "rabbitmq"),
    ] {
        let told = seen.attributes();
        assert!(told.get(name).is_some_and(|told| told.contains(value)), "{name} of {told:?}");
    }
    let all = format!("{:?}", collector.all());
    assert!(all.contains("app.users") || all.contains("app.sessions"), "the registration was traced as well");
    for secret in ["very private", "acme.test", "correct-horse", &token, "0af7651916cd43dd"] {
        assert!(!all.contains(secret), "{secret} is in a trace");
    }
}
