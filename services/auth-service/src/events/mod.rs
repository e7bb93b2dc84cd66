//! Who came in, who could not, and what changed about rights: told from the account's history.

mod failed;

use db::{PageInfo, Pager, Paging, Scoped};
use identity::{Permissions, SUBJECTS};
use serde::Serialize;
use serde_json::Value;
use sqlx::{FromRow, types::time::OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Action as _, Json, May, Query, Read, Result};

use crate::App;
pub use failed::FailedLogins;

/// Something that happened to people, sessions or rights.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct SecurityEvent {
    id: Uuid,
    /// What it happened to: `session`, `login`, `member`, `role`, …
    #[schema(example = "session")]
    subject: String,
    /// Which one.
    subject_id: Uuid,
    /// What: `opened`, `failed`, `logged_out`, `reused`, `changed`, …
    #[schema(example = "opened")]
    action: String,
    /// By whom.
    actor: Uuid,
    /// What it was, where that is known and the caller may read the subject.
    before: Option<Value>,
    /// What it became, and whence it came, where the caller may read the subject.
    details: Option<Value>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    request_id: Uuid,
}

impl SecurityEvent {
    /// Removes the contents of a subject that the caller may not read: that something happened to it remains.
    fn keep_readable(&mut self, permissions: &Permissions) {
        let is_readable = SUBJECTS
            .iter()
            .find(|subject| subject.name == self.subject)
            .is_none_or(|subject| permissions.allow(subject.name, Read::NAME));
        if !is_readable {
            (self.before, self.details) = (None, None);
        }
    }
}

impl web::Subject for SecurityEvent {
    const NAME: &'static str = "security_event";
}

/// Part of the security events, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityEvents {
    data: Vec<SecurityEvent>,
    page: PageInfo,
}

/// The list is that of `ix_audit_log_security`.
const LIST: Scoped = Scoped::new(
    "select id, resource as subject, record_id as subject_id, action, created_by as actor, before, after as details, created_at as at, request_id
     from app.audit_log
     where account_id = $1 and ($2::uuid is null or id < $2)
       and resource in ('session', 'login', 'member', 'role', 'team', 'user', 'account', 'invitation', 'api_key', 'oidc_connection', 'factor')
     order by id desc limit $3",
);

/// List the security events of the account.
#[utoipa::path(get, path = "/api/v1/security-events", params(Paging), tag = "security-events")]
pub(crate) async fn security_events(
    may: May<Read, SecurityEvent>,
    Query(asked): Query<Paging>,
) -> Result<Json<SecurityEvents>> {
    let mut tx = may.begin_reading().await?;
    let pager = Pager::new(&tx, &["security-events"], &asked)?;
    let statement = tx.read::<SecurityEvent>(LIST).bind(pager.after()).bind(pager.fetch());
    let mut data = statement.all().await?;
    let page = pager.page(&mut data, |event| event.id);
    for event in &mut data {
        event.keep_readable(may.who().permissions());
    }
    Ok(Json(SecurityEvents { data, page }))
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(security_events))
}
