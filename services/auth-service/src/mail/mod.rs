//! Letters to people, and who takes them there.

mod letter;
mod operator;
mod outbox;
mod smtp;
mod untrusted_text;

use std::sync::Arc;

use kernel::{Env, ListenAddress};
use lettre::message::Mailbox;

pub(crate) use letter::Letter;
pub(crate) use operator::OperatorLetters;
pub(crate) use outbox::{Outbox, dev_mail};
use smtp::Smtp;
pub(crate) use untrusted_text::UntrustedText;

/// Why a letter is not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// As many letters as may wait are waiting.
    #[error("too many letters wait to be sent")]
    Busy,
    /// The address of the server, or the sender's, cannot be used.
    #[error("{0}")]
    Setting(String),
}

impl From<MailError> for web::Error {
    fn from(error: MailError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Takes letters. It answers before they arrive: how long that takes must not tell whether there is anybody to write to.
pub trait Mailer: Send + Sync + 'static {
    /// Takes one letter.
    fn post(&self, letter: Letter) -> Result<(), MailError>;

    /// What has been posted, where it only waits to be looked at.
    fn outbox(&self) -> Option<&Outbox> {
        None
    }
}

/// How letters are sent.
#[derive(Debug)]
pub(crate) struct Config {
    server: Option<secrecy::SecretString>,
    sender: Option<Mailbox>,
    open: bool,
    /// Where the pages are that letters lead to.
    pub(crate) pages: String,
}

impl Config {
    /// Reads `NEXO_SMTP_URL` (required in production), `NEXO_MAIL_FROM`, `NEXO_DEV_MAIL` and `NEXO_FRONTEND_URL`.
    pub(crate) fn read(env: &mut Env) -> Self {
        let server = env.secret("NEXO_SMTP_URL");
        if env.production() && server.is_none() {
            env.mistake("NEXO_SMTP_URL", "is not set (such as smtps://user:password@mail.example.com)");
        }
        let from = env.or("NEXO_MAIL_FROM", "NEXO <no-reply@nexo.invalid>");
        let sender = from.parse().ok();
        if sender.is_none() {
            env.mistake("NEXO_MAIL_FROM", "is no mailbox (such as NEXO <no-reply@example.com>)");
        }
        let open = env.or("NEXO_DEV_MAIL", "") == "open";
        Self { server, sender, open, pages: pages(env) }
    }

    /// An SMTP server where one is set; in development otherwise an outbox to look into.
    pub(crate) fn mailer(&self) -> Result<Arc<dyn Mailer>, MailError> {
        match (&self.server, &self.sender) {
            (Some(server), Some(sender)) => Ok(Arc::new(Smtp::start(server, sender.clone())?)),
            _ => Ok(Arc::new(Outbox::new(self.open))),
        }
    }
}

/// Where letters lead to: pages of a front-end, or else the gateway, where it listens.
fn pages(env: &mut Env) -> String {
    let gateway = ListenAddress(env.listen("NEXO_GATEWAY_LISTEN", 3000)).reached_at();
    let host = if gateway.ip().is_loopback() { "localhost".to_owned() } else { gateway.ip().to_string() };
    env.or("NEXO_FRONTEND_URL", &format!("http://{host}:{}", gateway.port()))
}
