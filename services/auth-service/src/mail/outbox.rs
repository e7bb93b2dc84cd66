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
use web::{Error, Json, Query, Result};

use super::{Letter, MailError, Mailer};
use crate::App;

/// How many letters are kept.
const KEPT: usize = 500;

/// Letters that go nowhere: for development, where `GET /dev/mail` shows them.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Mutex<VecDeque<Letter>>>);

impl Mailer for Outbox {
    fn post(&self, letter: Letter) -> Result<(), MailError> {
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push_front(letter);
        letters.truncate(KEPT);
        Ok(())
    }

    fn outbox(&self) -> Option<&Outbox> {
        Some(self)
    }
}

impl Outbox {
    /// The letters to an address, or all; the newest first.
    fn letters(&self, to: Option<&str>) -> Vec<Letter> {
        let letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let addressed = |letter: &&Letter| to.is_none_or(|to| letter.to.eq_ignore_ascii_case(to));
        letters.iter().filter(addressed).cloned().collect()
    }
}

/// Which letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    to: Option<String>,
}

/// Shows the letters of a development outbox: a page for a browser, JSON for a program.
pub(crate) async fn dev_mail(
    State(app): State<App>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    let outbox = app.mail.outbox().ok_or(Error::NotFound("this path"))?;
    let letters = outbox.letters(wanted.to.as_deref());
    let browser = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if browser.is_some_and(|accept| accept.contains("text/html")) {
        return Ok(Html(page(&letters)).into_response());
    }
    Ok(Json(json!({ "data": letters })).into_response())
}

fn page(letters: &[Letter]) -> String {
    let one = |letter: &Letter| {
        let (to, subject, text) = (escaped(&letter.to), escaped(&letter.subject), escaped(&letter.text));
        format!("<article><h2>{subject}</h2><p>to {to}</p><pre>{text}</pre></article>")
    };
    let all: String = letters.iter().map(one).collect();
    let all = if all.is_empty() { "<p>No letters yet.</p>".to_owned() } else { all };
    format!("<!doctype html><meta charset=utf-8><title>Letters</title><h1>Letters</h1>{all}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
