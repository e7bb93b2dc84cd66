//! E-mails about an operator's commands. The command emits an event; auth-service sends the e-mail.

use std::sync::Arc;

use async_trait::async_trait;
use db::{Db, Reason, TenantTx};
use events::{Consumer, Event, Failure};

use super::{Mailer, Message};
use crate::users;

/// Event consumer that sends the e-mails.
pub(crate) struct OperatorEmails {
    /// Pool of the role that may look up e-mail addresses.
    pub(crate) db: Db,
    pub(crate) mail: Arc<dyn Mailer>,
}

#[async_trait]
impl Consumer for OperatorEmails {
    fn name(&self) -> &'static str {
        "letters"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["auth.factor.reset"]
    }

    async fn handle(&self, _: &mut TenantTx, event: &Event) -> Result<(), Failure> {
        let Some(("factor", person)) = event.record() else { return Ok(()) };
        if event.data.get("letter").and_then(serde_json::Value::as_bool) != Some(true) {
            return Ok(()); // another account's event triggers the e-mail
        }
        #[expect(clippy::disallowed_methods, reason = "the event names the person, in an account of theirs")]
        let mut tx = self.db.begin_as(Reason::Event, event.account, person.into(), event.request).await?;
        let Some(to) = users::email(&mut tx).await? else { return Ok(()) };
        self.mail.post(Message::factor_reset(&to)).map_err(|busy| Failure::Other(busy.into()))
    }
}
