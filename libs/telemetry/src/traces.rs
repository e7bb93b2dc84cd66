//! Distributed traces. Disabled, and free of cost, until a collector is configured.
//!
//! Spans contain only what logs may contain: names, routes, numbers, ids of accounts and requests. They contain no
//! body, no statement parameter, no header, and no path chosen by a client.

use std::{fmt::Display, sync::OnceLock, time::Duration};

use futures::future::Either;
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{
        FutureExt as _, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId,
        TraceState, Tracer as _, TracerProvider as _, WithContext,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};

use crate::exporter::HttpExporter;

/// Timeout for exporting the last spans at shutdown.
const LAST: Duration = Duration::from_secs(3);

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Kind of work that a span represents.
pub use opentelemetry::trace::SpanKind as Kind;

/// Exporter of this process's spans.
pub struct Traces(SdkTracerProvider);

/// A span, which ends when its last clone is dropped; empty if tracing is disabled.
#[derive(Debug, Clone, Default)]
pub struct Span(Option<Context>);

/// Name and initial attributes of a span.
#[derive(Debug)]
pub struct SpanInit(SpanBuilder);

impl Traces {
    /// Exports spans of `service` to the endpoint of a collector, over OTLP (protobuf over HTTP). Must be called
    /// within a Tokio runtime.
    ///
    /// Sampling and further options follow `OTEL_TRACES_SAMPLER` and the other standard variables.
    pub fn start(
        service: String,
        endpoint: String,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(HttpExporter::new()?)
            .with_endpoint(endpoint);
        let resource = Resource::builder().with_service_name(service).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter.build()?)
            .with_resource(resource)
            .build();
        TRACER.get_or_init(|| provider.tracer("nexo"));
        Ok(Self(provider))
    }

    /// Exports the remaining spans, with a timeout.
    pub async fn stop(self) {
        let sent = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST));
        if let Ok(Err(error)) = sent.await {
            tracing::debug!(%error, "the last spans are lost");
        }
    }
}

impl SpanInit {
    /// Creates it with a low-cardinality name.
    #[must_use]
    pub fn new(name: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self(SpanBuilder::from_name(name))
    }

    /// Adds attributes that are known at the start.
    #[must_use]
    pub fn with(self, attributes: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let attributes = attributes.into_iter().map(|(key, value)| KeyValue::new(key, value));
        Self(self.0.with_attributes(attributes))
    }
}

impl Span {
    /// Starts a child of the current span.
    pub fn begin(kind: Kind, named: impl FnOnce() -> SpanInit) -> Self {
        Self(TRACER.get().map(|tracer| start(tracer, kind, named(), &Context::current())))
    }

    /// Starts a span that continues the remote trace of a `traceparent`; without one, starts a new trace.
    pub fn following(parent: Option<&str>, kind: Kind, named: impl FnOnce() -> SpanInit) -> Self {
        Self(TRACER.get().map(|tracer| {
            let parent = parent.and_then(read);
            let parent =
                parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
            start(tracer, kind, named(), &parent)
        }))
    }

    /// Starts a child of this span.
    #[must_use]
    pub fn child(&self, kind: Kind, named: impl FnOnce() -> SpanInit) -> Self {
        let of = self.0.as_ref().zip(TRACER.get());
        Self(of.map(|(parent, tracer)| start(tracer, kind, named(), parent)))
    }

    /// Whether tracing is enabled in this process.
    #[must_use]
    pub fn enabled() -> bool {
        TRACER.get().is_some()
    }

    /// The current span of this task.
    #[must_use]
    pub fn current() -> Self {
        Self(TRACER.get().map(|_| Context::current()).filter(Context::has_active_span))
    }

    /// Whether the span is recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.0.is_some()
    }

    /// Runs `work` with this as the current span.
    pub fn within<F: Future>(&self, work: F) -> Either<WithContext<F>, F> {
        match &self.0 {
            Some(context) => Either::Left(work.with_context(context.clone())),
            None => Either::Right(work),
        }
    }

    /// Sets an attribute of the span.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Renames the span, once its final name is known.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name());
        }
    }

    /// Marks the span as failed; `sort` is a low-cardinality error type.
    pub fn set_error(&self, sort: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new("error.type", sort));
            context.span().set_status(Status::error(""));
        }
    }

    /// Value of the `traceparent` header for downstream requests (W3C Trace Context).
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.0.as_ref()?.span().span_context().clone();
        let flags = context.trace_flags() & TraceFlags::SAMPLED;
        context.is_valid().then(|| format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
    }

    /// Id of the trace that the span belongs to.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        Some(self.0.as_ref()?.span().span_context().trace_id().to_string())
    }
}

/// Records a field on both current spans of this task: that of the logs, which must have declared the field, and that of
/// the trace.
pub fn record(field: &'static str, value: impl Display) {
    tracing::Span::current().record(field, tracing::field::display(&value));
    let traced = Span::current();
    if traced.is_recording() {
        traced.set(field, value.to_string());
    }
}

fn start(tracer: &SdkTracer, kind: Kind, SpanInit(named): SpanInit, parent: &Context) -> Context {
    let span = tracer.build_with_context(named.with_kind(kind), parent);
    parent.with_span(span)
}

/// Parses `00-<trace>-<span>-<flags>`; of later versions only the fields of version 00.
fn read(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    if !is_known || !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_or_is_none() {
        let fine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read_back = |text: &str| {
            let context = Context::new().with_remote_span_context(read(text)?);
            Span(Some(context)).traceparent()
        };
        assert_eq!(read_back(fine).as_deref(), Some(fine));
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-more";
        assert_eq!(read_back(later).as_deref(), Some(fine), "only what is known of it goes on");
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ] {
            assert_eq!(read_back(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_span_is_made_where_traces_are_off() {
        let span = Span::begin(Kind::Internal, || unreachable!("it is not even named"));
        assert!(!span.is_recording() && span.traceparent().is_none() && !Span::current().is_recording());
    }
}
