use db::{ACTIONS, TenantQuery, TenantTx};
use resource::PageParams;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use web::Error;

use super::AuditEntry;

/// Filter and paging of the audit log.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditLogFilter {
    /// Only changes by this user, directly or with an API key.
    pub(super) actor: Option<Uuid>,
    /// Only this action, such as `created`, `changed`, `removed`, `restored` or `opened`.
    #[param(example = "changed", max_length = 8192)]
    pub(super) action: Option<String>,
    /// Only this type of record, such as `client` or `role`.
    #[param(example = "client", max_length = 8192)]
    pub(super) resource: Option<String>,
    /// Only the record with this id.
    pub(super) record_id: Option<Uuid>,
    /// Only changes at this time or later.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub(super) from: Option<OffsetDateTime>,
    /// Only changes before this time.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub(super) until: Option<OffsetDateTime>,
    /// Page size: 1 to 200; 50 by default.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<String>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 8192)]
    pub(super) cursor: Option<String>,
}

/// Query for the newest entries that also meet `condition`. The most selective filter has its own statement and index;
/// the other filters are applied to the rows read.
macro_rules! entries {
    ($condition:literal) => {
        TenantQuery::new(concat!(
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
const ALL: TenantQuery = entries!("");
const OF_RECORD: TenantQuery = entries!("and record_id = $8");
const OF_ACTOR: TenantQuery = entries!("and created_by = $9");

impl AuditLogFilter {
    /// Rejects unknown actions: an empty result would read as if nothing had been done.
    pub(super) fn check(&self) -> web::Result<()> {
        match &self.action {
            Some(action) if !ACTIONS.contains(&action.as_str()) => {
                let wanted = format!("must be one of {}", ACTIONS.join(", "));
                Err(Error::invalid("/action", "parameter", wanted))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn paging(&self) -> PageParams {
        PageParams { limit: self.limit.clone(), cursor: self.cursor.clone() }
    }

    /// Filter values that a cursor is bound to.
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
