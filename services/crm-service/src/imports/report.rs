//! How far an import has come.

use db::{Scoped, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CHECK, UNDO, table::Place, write::Action};

/// What became of the lines of a file, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Report {
    /// Records that were made.
    pub(super) created: i64,
    /// Records that were changed.
    pub(super) updated: i64,
    /// Lines whose records were so already.
    pub(super) unchanged: i64,
    /// Lines that are at fault, and did nothing.
    pub(super) failed: i64,
    /// Lines whose record is there, and does not name the record of its kind that the line names.
    pub(super) unlinked: i64,
    /// Taken back: records that were made, and are in the trash.
    pub(super) removed: i64,
    /// Taken back: records that were changed, and are as they were.
    pub(super) put_back: i64,
    /// Not taken back: somebody has changed or removed them since.
    pub(super) kept: i64,
}

impl Report {
    pub(super) fn count(&mut self, action: Action) {
        match action {
            Action::Created => self.created += 1,
            Action::Updated => self.updated += 1,
            Action::Unchanged => self.unchanged += 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
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

/// Where a job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) place: Place,
    /// Whether all records are there, and those of the same kind that they name are filled in.
    pub(super) linking: bool,
    pub(super) report: Report,
    /// Taking back: the line before which all is done, from the last on.
    pub(super) before: i64,
    /// Taking back: how much there is.
    #[serde(default)]
    total: i64,
}

impl Default for State {
    fn default() -> Self {
        Self { place: Place::START, linking: false, report: Report::default(), before: i64::MAX, total: 0 }
    }
}

const LAST: Scoped = Scoped::new(
    "select state from app.jobs where account_id = $1 and subject_id = $2 and kind = $3 order by created_at desc, id desc limit 1",
);
const TO_TAKE_BACK: Scoped = Scoped::new(
    "select count(*) from app.import_rows where account_id = $1 and import_id = $2 and action in ('created', 'updated')",
);

impl State {
    /// Where the last job of this kind has stopped; a trial always begins anew.
    pub(super) async fn to_go_on(tx: &mut TenantTx, kind: &str, import: Uuid) -> db::Result<Self> {
        let mut state = Self::default();
        if kind != CHECK {
            let last: Option<(Value,)> = tx.read(LAST).bind(import).bind(kind).optional().await?;
            state = last.and_then(|(last,)| serde_json::from_value(last).ok()).unwrap_or_default();
        }
        if kind == UNDO && state.total == 0 {
            state.total =
                tx.read::<(i64,)>(TO_TAKE_BACK).bind(import).optional().await?.map_or(0, |(count,)| count);
        }
        Ok(state)
    }

    pub(super) fn is_new(&self) -> bool {
        Self { total: 0, ..*self } == Self::default()
    }

    /// How much there is to do, of a file with so many lines.
    pub(super) fn total(&self, rows: i64) -> i64 {
        if self.total > 0 { self.total } else { rows }
    }

    pub(super) fn done(&self) -> i64 {
        self.report.lines() + self.report.taken_back()
    }
}
