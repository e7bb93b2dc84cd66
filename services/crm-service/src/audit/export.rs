#![expect(unused_qualifications, reason = "utoipa names the type of the query in full")]

use db::FileSlot;
use resource::{Export, Format, PageSource, SheetRow};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use web::{Authorized, Error, Query, Read, Result};

use super::{AuditEntry, AuditLogFilter};

/// Number of entries per database query.
const PAGE: i64 = 1_000;

const COLUMNS: &[&str] = &[
    "id",
    "at",
    "actor",
    "action",
    "resource",
    "record_id",
    "version",
    "before",
    "after",
    "request_id",
    "chain_id",
    "link",
];

/// Filter and format of an export of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditLogExportParams {
    /// File format: `csv` (RFC 4180, the default), `ndjson` or `xlsx`.
    #[param(value_type = Option<String>, example = "csv", pattern = "^(csv|ndjson|xlsx)$", max_length = 6)]
    format: Option<Format>,
    /// Only changes by this user, directly or with an API key.
    actor: Option<Uuid>,
    /// Only this action, such as `created` or `changed`.
    #[param(max_length = 8192)]
    action: Option<String>,
    /// Only this type of record, such as `client` or `role`.
    #[param(max_length = 8192)]
    resource: Option<String>,
    /// Only the record with this id.
    record_id: Option<Uuid>,
    /// Only changes at this time or later.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<OffsetDateTime>,
    /// Only changes before this time.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<OffsetDateTime>,
}

struct Entries {
    auth: Authorized<Read, AuditEntry>,
    asked: AuditLogFilter,
    after: Option<Uuid>,
    /// Permit for an export; released when the response is complete or its reader disconnects.
    _place: FileSlot,
}

impl PageSource for Entries {
    async fn next(&mut self) -> Result<(Vec<SheetRow>, bool)> {
        let mut tx = self.auth.begin_read_only().await?;
        let entries = self.asked.entries(&mut tx, self.after, PAGE).await?;
        drop(tx);
        self.after = entries.last().map(|entry| entry.id);
        let last = i64::try_from(entries.len()).unwrap_or(PAGE) < PAGE;
        let permissions = self.auth.who().permissions();
        let rows = entries.into_iter().map(|mut entry| {
            entry.mask(permissions);
            let mut entry = serde_json::to_value(entry).map_err(|error| Error::Internal(error.into()))?;
            Ok(COLUMNS.iter().map(|&name| entry.get_mut(name).map(Value::take).unwrap_or_default()).collect())
        });
        Ok((rows.collect::<Result<_>>()?, last))
    }
}

/// Export the audit log of the account, newest entries first.
#[utoipa::path(get, path = "/api/v1/audit-log/export", params(AuditLogExportParams), tag = "audit-log")]
pub(crate) async fn export_audit_log(
    auth: Authorized<Read, AuditEntry>,
    Query(wanted): Query<AuditLogExportParams>,
) -> Result<Export> {
    let AuditLogExportParams { format, actor, action, resource, record_id, from, until } = wanted;
    let asked =
        AuditLogFilter { actor, action, resource, record_id, from, until, ..AuditLogFilter::default() };
    asked.check()?;
    let columns = COLUMNS.iter().map(|&name| name.to_owned()).collect();
    let entries = Entries { _place: auth.file()?, auth, asked, after: None };
    Export::begin("audit-log", format.unwrap_or(Format::Csv), columns, entries).await
}
