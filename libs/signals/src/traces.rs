//! Traces: which part of a request took how long, across services. None are made, and nothing is paid for them, until
//! somebody says where they go.
//!
//! What is in them is in logs too, or may be: names, routes, numbers, ids of accounts and requests. No body, no value of a
//! statement, no header, no path that a client chose.

use std::{sync::OnceLock, time::Duration};

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

use crate::sender::Sender;

/// How long the last spans may take when the process ends.
const LAST: Duration = Duration::from_secs(3);

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// What sort of work a span is about.
pub use opentelemetry::trace::SpanKind as Kind;

/// The spans of this process on their way out.
pub struct Traces(SdkTracerProvider);

/// A part of a trace, which ends when the last copy is dropped; nothing, where none are made.
#[derive(Debug, Clone, Default)]
pub struct Span(Option<Context>);

/// What a span is called, and what is known when it begins.
#[derive(Debug)]
pub struct Named(SpanBuilder);

impl Traces {
    /// Sends the spans of `service` to this address of a collector, over OTLP (protobuf over HTTP). Call it within a runtime.
    ///
    /// How many traces are kept, and what else the standard variables say, is `OTEL_TRACES_SAMPLER`'s and theirs.
    pub fn start(
        service: String,
        endpoint: String,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let exporter =
            SpanExporter::builder().with_http().with_http_client(Sender::new()?).with_endpoint(endpoint);
        let resource = Resource::builder().with_service_name(service).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter.build()?)
            .with_resource(resource)
            .build();
        TRACER.get_or_init(|| provider.tracer("nexo"));
        Ok(Self(provider))
    }

    /// Sends what is left, if that does not take long.
    pub async fn stop(self) {
        let sent = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST));
        if let Ok(Err(error)) = sent.await {
            tracing::debug!(%error, "the last spans are lost");
        }
    }
}

impl Named {
    /// A name, of which there are not many.
    #[must_use]
    pub fn new(name: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self(SpanBuilder::from_name(name))
    }

    /// And what is known of it.
    #[must_use]
    pub fn with(self, attributes: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let attributes = attributes.into_iter().map(|(key, value)| KeyValue::new(key, value));
        Self(self.0.with_attributes(attributes))
    }
}

impl Span {
    /// Begins a part of what runs now.
    pub fn begin(kind: Kind, named: impl FnOnce() -> Named) -> Self {
        Self(TRACER.get().map(|tracer| start(tracer, kind, named(), &Context::current())))
    }

    /// Begins what somebody else has asked for, who said so as `traceparent`; a trace of its own without it.
    pub fn following(parent: Option<&str>, kind: Kind, named: impl FnOnce() -> Named) -> Self {
        Self(TRACER.get().map(|tracer| {
            let parent = parent.and_then(read);
            let parent =
                parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
            start(tracer, kind, named(), &parent)
        }))
    }

    /// Begins a part of this one.
    #[must_use]
    pub fn part(&self, kind: Kind, named: impl FnOnce() -> Named) -> Self {
        let of = self.0.as_ref().zip(TRACER.get());
        Self(of.map(|(parent, tracer)| start(tracer, kind, named(), parent)))
    }

    /// Whether any are made in this process.
    #[must_use]
    pub fn are_made() -> bool {
        TRACER.get().is_some()
    }

    /// What runs now.
    #[must_use]
    pub fn current() -> Self {
        Self(TRACER.get().map(|_| Context::current()).filter(Context::has_active_span))
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Does `work` as this.
    pub fn within<F: Future>(&self, work: F) -> Either<WithContext<F>, F> {
        match &self.0 {
            Some(context) => Either::Left(work.with_context(context.clone())),
            None => Either::Right(work),
        }
    }

    /// Says what has become known of it.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Says what it is about, once that is known.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name());
        }
    }

    /// It came to nothing; `sort` is one of few words.
    pub fn failed(&self, sort: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new("error.type", sort));
            context.span().set_status(Status::error(""));
        }
    }

    /// For whoever goes on with it, after W3C Trace Context.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.0.as_ref()?.span().span_context().clone();
        let flags = context.trace_flags() & TraceFlags::SAMPLED;
        context.is_valid().then(|| format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
    }

    /// Which trace it is part of.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        Some(self.0.as_ref()?.span().span_context().trace_id().to_string())
    }
}

fn start(tracer: &SdkTracer, kind: Kind, Named(named): Named, parent: &Context) -> Context {
    let span = tracer.build_with_context(named.with_kind(kind), parent);
    parent.with_span(span)
}

/// `00-<trace>-<span>-<flags>`; of later versions, which may say more, what this one says.
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
    fn nothing_is_made_where_nobody_wants_it() {
        let span = Span::begin(Kind::Internal, || unreachable!("it is not even named"));
        assert!(!span.is_on() && span.traceparent().is_none() && !Span::current().is_on());
    }
}
