//! Security events: logins, failed logins and changes of rights, read from the account's audit log.

use db::{FromRow, TenantQuery};
use identity::{Permissions, SUBJECTS};
use resource::{PageInfo, PageParams, Pager};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Action as _, Authorized, Json, Query, Read, Result};

use crate::App;

/// An event that concerns members, sessions or rights.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct SecurityEvent {
    id: Uuid,
    /// Type of the affected object: `session`, `login`, `member`, `role`, …
    #[schema(example = "session")]
    subject: String,
    /// Id of the affected object.
    subject_id: Uuid,
    /// What happened: `opened`, `failed`, `logged_out`, `reused`, `changed`, …
    #[schema(example = "opened")]
    action: String,
    /// User who caused the event.
    actor: Uuid,
    /// Previous state, if recorded and if the caller may read the subject.
    before: Option<Value>,
    /// New state and client address, if the caller may read the subject.
    details: Option<Value>,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    request_id: Uuid,
}

impl SecurityEvent {
    /// Removes the contents of a subject that the caller may not read; the event itself remains.
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

impl web::ResourceName for SecurityEvent {
    const NAME: &'static str = "security_event";
}

/// A page of security events, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityEvents {
    data: Vec<SecurityEvent>,
    page: PageInfo,
}

/// The list of resources must be that of `ix_audit_log_security`.
const LIST: TenantQuery = TenantQuery::new(
    "select id, resource as subject, record_id as subject_id, action, created_by as actor, before, after as details, created_at as at, request_id
     from app.audit_log
     where account_id = $1 and ($2::uuid is null or id < $2)
       and resource in ('session', 'login', 'member', 'role', 'team', 'user', 'account', 'invitation', 'api_key', 'oidc_connection', 'factor')
     order by id desc limit $3",
);

/// List the security events of the account.
#[utoipa::path(get, path = "/api/v1/security-events", params(PageParams), tag = "security-events")]
pub(crate) async fn list_security_events(
    auth: Authorized<Read, SecurityEvent>,
    Query(params): Query<PageParams>,
) -> Result<Json<SecurityEvents>> {
    let mut tx = auth.begin_read_only().await?;
    let pager = Pager::new(&tx, &["security-events"], &params)?;
    let statement = tx.read::<SecurityEvent>(LIST).bind(pager.after()).bind(pager.fetch());
    let mut data = statement.all().await?;
    let page = pager.page(&mut data, |event| event.id);
    for event in &mut data {
        event.keep_readable(auth.who().permissions());
    }
    Ok(Json(SecurityEvents { data, page }))
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_security_events))
}
