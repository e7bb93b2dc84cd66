#![expect(unused_qualifications, reason = "utoipa names the type of the query in full")]

use db::FilePlace;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use web::{Error, Export, Format, May, Pages, Query, Read, Result};

use super::{Asked, AuditEntry};

/// How many entries are read at once.
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

/// Which entries, and as what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `csv` (RFC 4180), `ndjson` or `xlsx`; `csv` if not said.
    #[param(value_type = Option<String>, example = "csv")]
    format: Option<Format>,
    /// As of the list.
    actor: Option<Uuid>,
    /// As of the list.
    action: Option<String>,
    /// As of the list.
    resource: Option<String>,
    /// As of the list.
    record_id: Option<Uuid>,
    /// As of the list.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<OffsetDateTime>,
    /// As of the list.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<OffsetDateTime>,
}

struct Entries {
    may: May<Read, AuditEntry>,
    asked: Asked,
    after: Option<Uuid>,
    /// Given back when the file has gone, or its reader has.
    _place: FilePlace,
}

impl Pages for Entries {
    async fn next(&mut self) -> Result<(Vec<Value>, bool)> {
        let mut tx = self.may.begin_reading().await?;
        let entries = self.asked.entries(&mut tx, self.after, PAGE).await?;
        drop(tx);
        self.after = entries.last().map(|entry| entry.id);
        let last = i64::try_from(entries.len()).unwrap_or(PAGE) < PAGE;
        let permissions = self.may.who().permissions();
        let rows = entries.into_iter().map(|mut entry| {
            entry.mask(permissions);
            serde_json::to_value(entry).map_err(|error| Error::Internal(error.into()))
        });
        Ok((rows.collect::<Result<_>>()?, last))
    }
}

/// Export what was done in the account, newest first.
#[utoipa::path(get, path = "/api/v1/audit-log/export", params(Wanted), tag = "audit-log")]
pub(crate) async fn export_audit_log(
    may: May<Read, AuditEntry>,
    Query(wanted): Query<Wanted>,
) -> Result<Export> {
    let Wanted { format, actor, action, resource, record_id, from, until } = wanted;
    let asked = Asked { actor, action, resource, record_id, from, until, ..Asked::default() };
    asked.check()?;
    let columns = COLUMNS.iter().map(|&name| name.to_owned()).collect();
    let entries = Entries { _place: may.file()?, may, asked, after: None };
    Export::begin("audit-log", format.unwrap_or(Format::Csv), columns, entries).await
}
