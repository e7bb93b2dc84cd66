//! Everything that was done in the account, for those who answer for it.

mod asked;
mod export;

use db::{Hidden, PageInfo, Pager};
use identity::{Permissions, SUBJECTS, Scope};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Json, May, Query, Read, Result, Subject};

use crate::{App, explain::Kept};
use asked::Asked;

/// Something that was done.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct AuditEntry {
    id: Uuid,
    /// What it was done to: `client`, `session`, `role`, …
    #[schema(example = "client")]
    resource: String,
    /// Which one.
    record_id: Uuid,
    /// What was done.
    #[schema(example = "changed")]
    action: String,
    /// The version that it has since.
    version: i64,
    /// What changed, as it was: as far as the reader may see such a record.
    before: Option<Value>,
    /// What changed, as it became: as far as the reader may see such a record.
    after: Option<Value>,
    /// By whom.
    actor: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    request_id: Uuid,
    /// Its place among the account's chains of hashes, which `nexo audit verify` follows.
    chain_id: Option<Uuid>,
    link: Option<i64>,
}

/// Part of what was done, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditLog {
    data: Vec<AuditEntry>,
    page: PageInfo,
}

impl Subject for AuditEntry {
    const NAME: &'static str = "audit_log";
}

impl AuditEntry {
    /// Takes out what somebody with these permissions may not see. That something was done they may know.
    fn mask(&mut self, permissions: &Permissions) {
        if !self.is_readable(permissions) {
            (self.before, self.after) = (None, None);
        }
        let hidden = Hidden::named(&self.resource, permissions);
        for fields in [&mut self.before, &mut self.after].into_iter().flatten() {
            hidden.mask(fields);
        }
    }
}

impl AuditEntry {
    /// Whether all things of its kind may be read: which of them this one is, and what it was about, is not looked up.
    fn is_readable(&self, permissions: &Permissions) -> bool {
        if let Some(kept) = Kept::named(&self.resource) {
            return (kept.reads_all)(permissions);
        }
        let subject = SUBJECTS.iter().find(|subject| subject.name == self.resource);
        let needed = subject.map_or("security_event", |subject| subject.name);
        permissions.scope(needed, "read") == Some(Scope::All)
    }
}

/// List what was done in the account, newest first.
#[utoipa::path(get, path = "/api/v1/audit-log", params(Asked), tag = "audit-log")]
pub(crate) async fn audit_log(
    may: May<Read, AuditEntry>,
    Query(asked): Query<Asked>,
) -> Result<Json<AuditLog>> {
    asked.check()?;
    let mut tx = may.begin_reading().await?;
    let pager = Pager::new(&tx, &["audit-log", &asked.narrowed()], &asked.paging())?;
    let mut data = asked.entries(&mut tx, pager.after(), pager.fetch()).await?;
    let page = pager.page(&mut data, |entry| entry.id);
    for entry in &mut data {
        entry.mask(may.who().permissions());
    }
    Ok(Json(AuditLog { data, page }))
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(audit_log)).routes(routes!(export::export_audit_log))
}
