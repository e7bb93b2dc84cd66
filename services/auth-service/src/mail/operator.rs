//! Letters about what an operator's command has done: the command writes an event, and auth-service the letter.

use std::sync::Arc;

use ::events::{Consumer, Event, Failure};
use async_trait::async_trait;
use db::{Db, Reason, TenantTx};

use super::{Letter, Mailer};
use crate::factor;

/// Sends them.
pub(crate) struct OperatorLetters {
    /// As the role that may look up an e-mail.
    pub(crate) db: Db,
    pub(crate) mail: Arc<dyn Mailer>,
}

#[async_trait]
impl Consumer for OperatorLetters {
    fn name(&self) -> &'static str {
        "letters"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["auth.factor.reset"]
    }

    async fn handle(&self, _: &mut TenantTx, event: &Event) -> Result<(), Failure> {
        let Some(("factor", person)) = event.record() else { return Ok(()) };
        if event.data.get("letter").and_then(serde_json::Value::as_bool) != Some(true) {
            return Ok(()); // the event of another account of theirs has it sent
        }
        #[expect(clippy::disallowed_methods, reason = "the event names the person, in an account of theirs")]
        let mut tx =
            self.db.system_inside(Reason::Event, event.account, person.into(), event.request).await?;
        let Some(to) = factor::address(&mut tx).await? else { return Ok(()) };
        self.mail.post(Letter::factor_reset(&to)).map_err(|busy| Failure::Other(busy.into()))
    }
}
