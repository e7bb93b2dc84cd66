//! E-mails to users, and the transports that deliver them.

mod message;
mod operator;
mod outbox;
mod smtp;
mod untrusted_text;

use std::sync::Arc;

use kernel::{Env, ListenAddress};
use lettre::message::Mailbox;

pub(crate) use message::Message;
pub(crate) use operator::OperatorEmails;
pub(crate) use outbox::{Outbox, dev_mail};
use smtp::Smtp;
pub(crate) use untrusted_text::UntrustedText;

/// Reason why an e-mail is not accepted for delivery.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The queue of e-mails is full.
    #[error("the queue of e-mails is full")]
    Busy,
    /// The URL of the server or the sender's address is unusable.
    #[error("{0}")]
    Setting(String),
}

impl From<MailError> for web::Error {
    fn from(error: MailError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Delivers e-mails. Accepting one returns before delivery, so that response times do not reveal whether a recipient
/// exists.
pub trait Mailer: Send + Sync + 'static {
    /// Queues an e-mail for delivery.
    fn post(&self, letter: Message) -> Result<(), MailError>;

    /// The e-mails accepted so far, if this mailer only stores them for development.
    fn outbox(&self) -> Option<&Outbox> {
        None
    }
}

/// Configuration of the e-mail transport.
#[derive(Debug)]
pub(crate) struct Config {
    server: Option<secrecy::SecretString>,
    sender: Option<Mailbox>,
    open: bool,
    /// Base URL of the pages that e-mails link to.
    pub(crate) pages: String,
}

impl Config {
    /// Reads `NEXO_SMTP_URL` (required in production), `NEXO_MAIL_FROM`, `NEXO_DEV_MAIL` and `NEXO_FRONTEND_URL`.
    pub(crate) fn read(env: &mut Env) -> Self {
        let server = env.secret("NEXO_SMTP_URL");
        if env.production() && server.is_none() {
            env.report("NEXO_SMTP_URL", "is not set (such as smtps://user:password@mail.example.com)");
        }
        let from = env.string_or("NEXO_MAIL_FROM", "NEXO <no-reply@nexo.invalid>");
        let sender = from.parse().ok();
        if sender.is_none() {
            env.report("NEXO_MAIL_FROM", "is no mailbox (such as NEXO <no-reply@example.com>)");
        }
        let open = env.string_or("NEXO_DEV_MAIL", "") == "open";
        Self { server, sender, open, pages: pages(env) }
    }

    /// An SMTP mailer if a server is configured; otherwise (in development) an in-memory outbox.
    pub(crate) fn mailer(&self) -> Result<Arc<dyn Mailer>, MailError> {
        match (&self.server, &self.sender) {
            (Some(server), Some(sender)) => Ok(Arc::new(Smtp::start(server, sender.clone())?)),
            _ => Ok(Arc::new(Outbox::new(self.open))),
        }
    }
}

/// Base URL of links in e-mails: the front-end, or else the gateway's own address.
fn pages(env: &mut Env) -> String {
    let gateway = ListenAddress(env.listen("NEXO_GATEWAY_LISTEN", 3000)).reached_at();
    let host = if gateway.ip().is_loopback() { "localhost".to_owned() } else { gateway.ip().to_string() };
    env.string_or("NEXO_FRONTEND_URL", &format!("http://{host}:{}", gateway.port()))
}
