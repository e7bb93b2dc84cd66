//! Audit log: all changes in the account, for auditors.

mod export;
mod filter;

use db::{AccessScope, FromRow, HiddenFields};
use filter::AuditLogFilter;
use identity::{Permissions, SUBJECTS, Scope};
use resource::{PageInfo, Pager};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Authorized, Json, Query, Read, ResourceName, Result};

use crate::{App, resources};

/// An entry of the audit log.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct AuditEntry {
    id: Uuid,
    /// Type of the changed record: `client`, `session`, `role`, …
    #[schema(example = "client")]
    resource: String,
    /// Id of the changed record.
    record_id: Uuid,
    /// Kind of change: `created`, `changed`, `removed`, …
    #[schema(example = "changed")]
    action: String,
    /// Version of the record after the change.
    version: i64,
    /// Previous values of the changed fields, if the caller may read such records.
    before: Option<Value>,
    /// New values of the changed fields, if the caller may read such records.
    after: Option<Value>,
    /// User who made the change.
    actor: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    request_id: Uuid,
    /// Hash chain of the entry, verified by `nexo audit verify`; `link` is its position.
    chain_id: Option<Uuid>,
    link: Option<i64>,
}

/// A page of the audit log, newest entries first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditLog {
    data: Vec<AuditEntry>,
    page: PageInfo,
}

impl ResourceName for AuditEntry {
    const NAME: &'static str = "audit_log";
}

impl AuditEntry {
    /// Removes the contents that these permissions may not read; the entry itself remains.
    fn mask(&mut self, permissions: &Permissions) {
        if !self.is_readable(permissions) {
            (self.before, self.after) = (None, None);
        }
        let hidden = HiddenFields::named(&self.resource, permissions);
        for fields in [&mut self.before, &mut self.after].into_iter().flatten() {
            hidden.mask(fields);
        }
    }
}

impl AuditEntry {
    /// True if all records of this type may be read. The record's owner and subject are not looked up.
    fn is_readable(&self, permissions: &Permissions) -> bool {
        if let Some(target) = resources::target(&self.resource) {
            return AccessScope::new(permissions.clone()).reads_all(target);
        }
        let subject = SUBJECTS.iter().find(|subject| subject.name == self.resource);
        let needed = subject.map_or("security_event", |subject| subject.name);
        permissions.scope(needed, "read") == Some(Scope::All)
    }
}

/// List the audit log of the account, newest entries first.
#[utoipa::path(get, path = "/api/v1/audit-log", params(AuditLogFilter), tag = "audit-log")]
pub(crate) async fn list_audit_log(
    auth: Authorized<Read, AuditEntry>,
    Query(params): Query<AuditLogFilter>,
) -> Result<Json<AuditLog>> {
    params.check()?;
    let mut tx = auth.begin_read_only().await?;
    let pager = Pager::new(&tx, &["audit-log", &params.narrowed()], &params.paging())?;
    let mut data = params.entries(&mut tx, pager.after(), pager.fetch()).await?;
    let page = pager.page(&mut data, |entry| entry.id);
    for entry in &mut data {
        entry.mask(auth.who().permissions());
    }
    Ok(Json(AuditLog { data, page }))
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_audit_log)).routes(routes!(export::export_audit_log))
}
