use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::State,
    http::{HeaderMap, header::ACCEPT},
    response::{Html, IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use web::{ClientAddress, Error, Json, Query, Result};

use super::{MailError, Mailer, Message};

/// Maximum number of stored e-mails.
const KEPT: usize = 500;

/// E-mails that are stored instead of sent: for development, where `GET /dev/mail` shows them.
#[derive(Clone)]
pub struct Outbox {
    letters: Arc<Mutex<VecDeque<Message>>>,
    open: bool,
}

impl Mailer for Outbox {
    fn post(&self, letter: Message) -> Result<(), MailError> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push_front(letter);
        letters.truncate(KEPT);
        Ok(())
    }

    fn outbox(&self) -> Option<&Outbox> {
        Some(self)
    }
}

impl Outbox {
    /// Creates an empty outbox; `open` shows it to other machines as well.
    pub(super) fn new(open: bool) -> Self {
        Self { letters: Arc::default(), open }
    }

    /// The e-mails to an address, or all; newest first.
    fn letters(&self, to: Option<&str>) -> Vec<Message> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let addressed = |letter: &&Message| to.is_none_or(|to| letter.to.eq_ignore_ascii_case(to));
        letters.iter().filter(addressed).cloned().collect()
    }
}

/// Query parameters of the outbox.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboxFilter {
    to: Option<String>,
}

/// Shows the e-mails of a development outbox: HTML for browsers, JSON for programs. Available to this machine only
/// unless `NEXO_DEV_MAIL` is `open`, because an e-mail's token authenticates its reader.
pub(crate) async fn dev_mail(
    State(mail): State<Arc<dyn Mailer>>,
    ClientAddress(client): ClientAddress,
    headers: HeaderMap,
    Query(wanted): Query<OutboxFilter>,
) -> Result<Response> {
    let here = client.is_none_or(|client| client.is_loopback());
    let outbox = mail.outbox().filter(|outbox| here || outbox.open).ok_or(Error::NotFound("this path"))?;
    let letters = outbox.letters(wanted.to.as_deref());
    let browser = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if browser.is_some_and(|accept| accept.contains("text/html")) {
        return Ok(Html(page(&letters)).into_response());
    }
    Ok(Json(json!({ "data": letters })).into_response())
}

fn page(letters: &[Message]) -> String {
    let one = |letter: &Message| {
        let (to, subject, text) = (escaped(&letter.to), escaped(&letter.subject), escaped(&letter.text));
        format!("<article><h2>{subject}</h2><p>to {to}</p><pre>{text}</pre></article>")
    };
    let all: String = letters.iter().map(one).collect();
    let all = if all.is_empty() { "<p>No e-mails yet.</p>".to_owned() } else { all };
    format!("<!doctype html><meta charset=utf-8><title>Letters</title><h1>Letters</h1>{all}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
