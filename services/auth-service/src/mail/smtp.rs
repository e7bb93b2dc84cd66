use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::mpsc, time::sleep};

use super::{MailError, Mailer, Message};

/// Maximum number of e-mails in the queue.
const QUEUE: usize = 1_000;
/// Attempts per e-mail, and the first retry delay, which doubles each time.
const TRIES: u32 = 6;
const RETRY_DELAY: Duration = Duration::from_secs(2);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends e-mails through an SMTP server (RFC 5321), one at a time. E-mails in the queue are lost when the process ends;
/// the user requests another.
pub(super) struct Smtp(mpsc::Sender<Message>);

impl Smtp {
    /// Starts the sender task for a server URL such as `smtps://user:password@host`.
    pub(super) fn start(url: &SecretString, sender: Mailbox) -> Result<Self, MailError> {
        let unusable = |error| MailError::Setting(format!("NEXO_SMTP_URL cannot be used: {error}"));
        let transport = Transport::from_url(url.expose_secret()).map_err(unusable)?;
        let transport = transport.timeout(Some(Duration::from_secs(20))).build();
        let (queue, letters) = mpsc::channel(QUEUE);
        tokio::spawn(deliver(letters, transport, sender));
        Ok(Self(queue))
    }
}

impl Mailer for Smtp {
    fn post(&self, letter: Message) -> Result<(), MailError> {
        self.0.try_send(letter).map_err(|_| MailError::Busy)
    }
}

async fn deliver(mut letters: mpsc::Receiver<Message>, transport: Transport, sender: Mailbox) {
    while let Some(letter) = letters.recv().await {
        // Failures are logged without the address: logs must not contain personal data.
        match message(&letter, &sender) {
            Some(message) => send(&transport, message).await,
            None => {
                tracing::warn!(subject = letter.subject, "the recipient address of an e-mail is invalid");
            }
        }
    }
}

fn message(letter: &Message, sender: &Mailbox) -> Option<lettre::Message> {
    let builder = lettre::Message::builder().from(sender.clone()).to(letter.to.parse().ok()?);
    let builder = builder.subject(&letter.subject).header(ContentType::TEXT_PLAIN);
    builder.body(letter.text.clone()).ok()
}

async fn send(transport: &Transport, message: lettre::Message) {
    for attempt in 0..TRIES {
        match transport.send(message.clone()).await {
            Ok(_) => return,
            Err(error) if error.is_permanent() || attempt + 1 == TRIES => {
                tracing::error!(error = &error as &dyn std::error::Error, "an e-mail could not be sent");
                return;
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "sending an e-mail failed; it will be retried"
                );
                sleep(RETRY_DELAY * 2_u32.pow(attempt)).await;
            }
        }
    }
}
