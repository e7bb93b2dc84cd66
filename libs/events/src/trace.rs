//! Trace spans of event delivery: sending and processing continue the trace of the change.

use ::telemetry::{Kind, Span, SpanInit};

use crate::Event;

/// Messaging system, named as in OpenTelemetry's conventions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum System {
    RabbitMq,
    Own,
}

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Own => "nexo",
        }
    }
}

/// Starts producer spans for events while they are being sent.
pub(crate) fn sending(system: System, events: &[Event]) -> Vec<Span> {
    let traced = events.iter().filter(|event| event.traceparent.is_some());
    traced.map(|event| span(Kind::Producer, "send", system, event)).collect()
}

/// Starts the span of a consumer that processes an event.
pub(crate) fn working(system: System, consumer: &'static str, event: &Event) -> Span {
    let span = span(Kind::Consumer, "process", system, event);
    span.set("messaging.consumer.group.name", consumer);
    span
}

fn span(kind: Kind, operation: &'static str, system: System, event: &Event) -> Span {
    Span::following(event.traceparent.as_deref(), kind, || {
        SpanInit::new(format!("{operation} {}", event.topic)).with([
            ("messaging.system", system.name().into()),
            ("messaging.operation.name", operation.into()),
            ("messaging.operation.type", operation.into()),
            ("messaging.destination.name", "nexo.events".into()),
            ("messaging.message.id", event.id.to_string().into()),
            ("account.id", event.account.to_string().into()),
            ("request.id", event.request.to_string().into()),
        ])
    })
}
