use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::mpsc, time::sleep};

use super::{Letter, MailError, Mailer};

/// How many letters may wait.
const QUEUE: usize = 1_000;
/// How often a letter is tried, and how long the first pause is; it doubles.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(2);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends letters through an SMTP server (RFC 5321), one after the other. What waits when the process ends is lost: its
/// reader asks for another.
pub(super) struct Smtp(mpsc::Sender<Letter>);

impl Smtp {
    /// Starts sending in the name of `sender`, through the server of a URL such as `smtps://user:password@host`.
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
    fn post(&self, letter: Letter) -> Result<(), MailError> {
        self.0.try_send(letter).map_err(|_| MailError::Busy)
    }
}

async fn deliver(mut letters: mpsc::Receiver<Letter>, transport: Transport, sender: Mailbox) {
    while let Some(letter) = letters.recv().await {
        // What went wrong is told without the address: a log is no place for people's data.
        match message(&letter, &sender) {
            Some(message) => send(&transport, message).await,
            None => {
                tracing::warn!(subject = letter.subject, "a letter has an address that cannot be written to");
            }
        }
    }
}

fn message(letter: &Letter, sender: &Mailbox) -> Option<Message> {
    let builder = Message::builder().from(sender.clone()).to(letter.to.parse().ok()?);
    let builder = builder.subject(&letter.subject).header(ContentType::TEXT_PLAIN);
    builder.body(letter.text.clone()).ok()
}

async fn send(transport: &Transport, message: Message) {
    for attempt in 0..TRIES {
        match transport.send(message.clone()).await {
            Ok(_) => return,
            Err(error) if error.is_permanent() || attempt + 1 == TRIES => {
                tracing::error!(error = &error as &dyn std::error::Error, "a letter cannot be sent");
                return;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a letter waits to be sent again");
                sleep(PAUSE * 2_u32.pow(attempt)).await;
            }
        }
    }
}
