//! Progress and result of imports.

use db::{TenantQuery, TenantTx};
use resource::RowAction;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::imports::{file::csv::Position, job_kind::ImportJobKind};

/// Result of an import, a dry run or an undo, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct ImportReport {
    /// Number of records created.
    pub(in crate::imports) created: i64,
    /// Number of records updated.
    pub(in crate::imports) updated: i64,
    /// Number of rows that changed nothing.
    pub(in crate::imports) unchanged: i64,
    /// Number of rows with errors, which were not imported.
    pub(in crate::imports) failed: i64,
    /// Rows that were imported, but whose reference to a record of the same kind (e.g. manager) could not be set.
    pub(in crate::imports) unlinked: i64,
    /// Undo: created records that were moved to the trash.
    pub(in crate::imports) removed: i64,
    /// Undo: updated records that were restored.
    pub(in crate::imports) put_back: i64,
    /// Undo: records that were not restored, because they were changed or deleted since.
    pub(in crate::imports) kept: i64,
}

impl ImportReport {
    pub(in crate::imports) fn count(&mut self, action: RowAction) {
        match action {
            RowAction::Created => self.created += 1,
            RowAction::Updated => self.updated += 1,
            RowAction::Unchanged => self.unchanged += 1,
        }
    }

    pub(in crate::imports) fn add(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
        self.unlinked += other.unlinked;
    }

    fn lines(&self) -> i64 {
        self.created + self.updated + self.unchanged + self.failed
    }

    fn taken_back(&self) -> i64 {
        self.removed + self.put_back + self.kept
    }
}

/// Checkpoint that a job resumes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::imports) struct ImportState {
    pub(in crate::imports) place: Position,
    /// True in the second pass: all records exist, and references between them are being set.
    pub(in crate::imports) linking: bool,
    pub(in crate::imports) report: ImportReport,
    /// Undo: rows from this line on are done; it works backwards.
    pub(in crate::imports) before: i64,
    /// Undo: total number of rows.
    #[serde(default)]
    total: i64,
}

impl Default for ImportState {
    fn default() -> Self {
        Self {
            place: Position::START,
            linking: false,
            report: ImportReport::default(),
            before: i64::MAX,
            total: 0,
        }
    }
}

const LAST: TenantQuery = TenantQuery::new(
    "select state from app.jobs where account_id = $1 and subject_id = $2 and kind = $3 order by created_at desc, id desc limit 1",
);
const TO_TAKE_BACK: TenantQuery = TenantQuery::new(
    "select count(*) from app.import_rows where account_id = $1 and import_id = $2 and action in ('created', 'updated')",
);

impl ImportState {
    /// The checkpoint of the last job of this kind; a dry run always starts over.
    pub(in crate::imports) async fn to_go_on(
        tx: &mut TenantTx,
        kind: ImportJobKind,
        import: Uuid,
    ) -> db::Result<Self> {
        let mut state = Self::default();
        if kind != ImportJobKind::Check {
            let last: Option<(Value,)> = tx.read(LAST).bind(import).bind(kind.as_str()).optional().await?;
            state = last.and_then(|(last,)| serde_json::from_value(last).ok()).unwrap_or_default();
        }
        if kind == ImportJobKind::Undo && state.total == 0 {
            state.total =
                tx.read::<(i64,)>(TO_TAKE_BACK).bind(import).optional().await?.map_or(0, |(count,)| count);
        }
        Ok(state)
    }

    pub(in crate::imports) fn is_new(&self) -> bool {
        Self { total: 0, ..*self } == Self::default()
    }

    /// Total amount of work for a file with this number of rows.
    pub(in crate::imports) fn total(&self, rows: i64) -> i64 {
        if self.total > 0 { self.total } else { rows }
    }

    pub(in crate::imports) fn done(&self) -> i64 {
        self.report.lines() + self.report.taken_back()
    }
}
