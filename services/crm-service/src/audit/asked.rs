use db::{ACTIONS, Paging, Scoped, TenantTx};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use web::Error;

use super::AuditEntry;

/// Which entries are asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Done by this person, or by this API key's member.
    pub(super) actor: Option<Uuid>,
    /// Such as `created`, `changed`, `removed`, `restored`, `opened`.
    #[param(example = "changed")]
    pub(super) action: Option<String>,
    /// Done to such things: `client`, `role`, …
    #[param(example = "client")]
    pub(super) resource: Option<String>,
    /// Done to this one.
    pub(super) record_id: Option<Uuid>,
    /// Not earlier than this.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub(super) from: Option<OffsetDateTime>,
    /// Earlier than this.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub(super) until: Option<OffsetDateTime>,
    /// How many: 1 to 200, 50 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<String>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// The entries, newest first, that meet `condition` too. What narrows them most has a statement of its own, which an index
/// begins with; the rest is looked at on the way.
macro_rules! entries {
    ($condition:literal) => {
        Scoped::new(concat!(
            "select id, resource, record_id, action, version, before, after, created_by as actor, created_at as at, request_id, chain_id, link
             from app.audit_log
             where account_id = $1 and ($2::uuid is null or id < $2)
               and ($4::text is null or action = $4) and ($5::text is null or resource = $5)
               and ($6::timestamptz is null or created_at >= $6) and ($7::timestamptz is null or created_at < $7)
               and ($8::uuid is null or record_id = $8) and ($9::uuid is null or created_by = $9) ",
            $condition,
            " order by id desc limit $3"
        ))
    };
}
const ALL: Scoped = entries!("");
const OF_RECORD: Scoped = entries!("and record_id = $8");
const OF_ACTOR: Scoped = entries!("and created_by = $9");

impl Asked {
    /// Refuses an action that nothing in history is called by: no entry would be found, which reads as if nothing had been
    /// done.
    pub(super) fn check(&self) -> web::Result<()> {
        match &self.action {
            Some(action) if !ACTIONS.contains(&action.as_str()) => {
                let wanted = format!("must be one of {}", ACTIONS.join(", "));
                Err(Error::invalid("/action", "query", wanted))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn paging(&self) -> Paging {
        Paging { limit: self.limit.clone(), cursor: self.cursor.clone() }
    }

    /// What a cursor belongs to.
    pub(super) fn narrowed(&self) -> String {
        let Self { actor, action, resource, record_id, from, until, .. } = self;
        format!("{:?}", (actor, action, resource, record_id, from, until))
    }

    pub(super) async fn entries(
        &self,
        tx: &mut TenantTx,
        after: Option<Uuid>,
        limit: i64,
    ) -> db::Result<Vec<AuditEntry>> {
        let text = match (self.record_id, self.actor) {
            (Some(_), _) => OF_RECORD,
            (None, Some(_)) => OF_ACTOR,
            (None, None) => ALL,
        };
        let statement = tx.read(text).bind(after).bind(limit).bind(&self.action).bind(&self.resource);
        statement
            .bind(self.from)
            .bind(self.until)
            .bind(self.record_id)
            .bind(self.actor)
            .all()
            .await
            .map_err(Into::into)
    }
}
