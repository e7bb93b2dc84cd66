//! A connection to a service, driven by the request that uses it.
//!
//! hyper's pooling client gives each connection a task of its own. A request then passes two channels, and wakes a
//! task, often on another core. Here the task of the request reads and writes the socket itself.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use axum::body::Body;
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{Connection, SendRequest, handshake},
    },
};

use super::early::EarlyStream;

/// An open connection, which serves one request after the other.
pub(super) struct UpstreamConnection {
    sender: SendRequest<Body>,
    driver: Connection<EarlyStream, Body>,
}

/// A response whose head was received, and the connection, unless it has ended.
pub(super) type Exchanged = (Response<Incoming>, Option<Box<UpstreamConnection>>);

impl UpstreamConnection {
    pub(super) async fn open(stream: EarlyStream) -> hyper::Result<Box<Self>> {
        let (sender, driver) = handshake(stream).await?;
        Ok(Box::new(Self { sender, driver }))
    }

    /// Sends a request, and waits for the head of its response. The error contains the request if nothing of it was
    /// sent, because the service had closed the idle connection.
    pub(super) async fn exchange(
        mut self: Box<Self>,
        request: Request<Body>,
    ) -> Result<Exchanged, TrySendError<Request<Body>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let mut connection = Some(self);
        let answer = poll_fn(|cx| {
            if connection.as_mut().is_some_and(|open| open.drive(cx).is_ready()) {
                connection = None; // which answers the request, if nothing else did
            }
            // The driver alone answers, and was polled just now, so that the answer need not wake this task.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        Ok((answer.await?, connection))
    }

    /// Reads and writes as much as the socket takes; ready when the connection has ended.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.driver).poll(cx).map(drop) // the request or its body has received the error
    }

    /// Whether request and response are complete, so that the connection can take the next request.
    pub(super) fn is_free(&self) -> bool {
        self.sender.is_ready()
    }

    /// Makes the connection forget the task that used it, which its next use or its end would wake. Returns whether
    /// it is still open.
    pub(super) fn rest(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop())).is_pending()
    }
}
