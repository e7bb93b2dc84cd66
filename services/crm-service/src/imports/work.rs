//! Works at imports: tries them out, takes them in, takes them back, part by part.

use std::{collections::HashMap, time::Duration};

use db::{Change, Scoped, ScopedWrite, TenantTx};
use identity::Permissions;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{FromRow, types::Json as Column};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    CHECK, RUN, UNDO, errors,
    file::{self, Lines},
    mapping::{Mapping, Wrong},
    plan::Plan,
    registry::Target,
    rows::{self, Bad, Taken, Trial},
    survey::FileFound,
    table::Place,
    undo::{CHANGED, GONE, Undone, Work},
    write::{Action, Done},
};
use crate::jobs::{Hold, Kept, Part};

/// Lines of a part: one transaction.
const PART: usize = 500;

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

    fn add(&mut self, other: Self) {
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
    place: Place,
    /// Whether all records are there, and those of the same kind that they name are filled in.
    linking: bool,
    report: Report,
    /// Taking back: the line before which all is done, from the last on.
    before: i64,
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

/// An import that is worked at.
struct Job<'h> {
    hold: &'h Hold,
    import: Uuid,
    kind: &'static str,
    header: bool,
    mapping: Mapping,
    lines: Lines,
    state: State,
    trial: Option<Trial>,
    /// Whether a part was begun in this turn.
    begun: bool,
}

#[derive(FromRow)]
struct Stored {
    resource: String,
    file: Column<FileFound>,
    plan: Column<Plan>,
}

const KEPT: Scoped =
    Scoped::new("select resource, file, plan from app.imports where account_id = $1 and id = $2");

/// Whether there is more to do.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    Leave,
}

/// Works at a job until it is done, or it is others' turn.
pub(crate) async fn work(hold: &Hold) -> db::Result<()> {
    let kind = [CHECK, RUN, UNDO].into_iter().find(|kind| *kind == hold.job.kind).unwrap_or(RUN);
    let Some(mut job) = Job::load(hold, kind).await? else { return Ok(()) };
    while job.step().await? == Then::GoOn {
        // What a trial has seen is remembered by this process alone.
        if hold.is_stopping() || kind != CHECK && hold.is_over() {
            return hold.let_go(Duration::ZERO).await;
        }
    }
    Ok(())
}

impl<'h> Job<'h> {
    async fn load(hold: &'h Hold, kind: &'static str) -> db::Result<Option<Self>> {
        let import = hold.job.subject_id;
        let mut tx = match hold.begin().await? {
            Part::Lost => return Ok(None),
            Part::Begun(tx, _) | Part::Stopped(tx) | Part::Disowned(tx) => tx,
        };
        let kept: Option<Stored> = tx.read(KEPT).bind(import).optional().await?;
        let known = kept.and_then(|Stored { resource, file: Column(file), plan: Column(plan) }| {
            let mapping = Mapping::of(Target::of_plural(&resource)?, &plan, &file, &db::Hidden::default());
            Some((mapping.ok()?, file))
        });
        let Some((mapping, file)) = known else {
            // Another version of this service has understood it.
            end_import(&mut tx, import, "failed", &Report::default()).await?;
            hold.end(tx, "failed", Some("plan-unknown")).await?;
            return Ok(None);
        };
        let mut state: State = serde_json::from_value(hold.job.state.clone()).unwrap_or_default();
        if kind == CHECK {
            state = State::default();
            errors::forget(&mut tx, import, kind).await?;
        }
        tx.commit().await?;
        let delimiter = file.delimiter.and_then(|one| u8::try_from(one).ok()).unwrap_or(b',');
        let lines = Lines::from(import, delimiter, state.place);
        let trial = (kind == CHECK).then(Trial::default);
        Ok(Some(Self { hold, import, kind, header: file.header, mapping, lines, state, trial, begun: false }))
    }

    /// Does the next part.
    async fn step(&mut self) -> db::Result<Then> {
        let (tx, permissions) = match self.hold.begin().await? {
            Part::Lost => return Ok(Then::Leave),
            Part::Stopped(tx) => return self.end(tx, "cancelled", None).await,
            Part::Disowned(tx) => return self.end(tx, "failed", Some("forbidden")).await,
            Part::Begun(tx, permissions) => (tx, permissions),
        };
        if !self.is_permitted(&permissions) {
            return self.end(tx, "failed", Some("forbidden")).await;
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if first && self.hold.is_hopeless() {
            return self.end(tx, "failed", Some("internal")).await;
        }
        match self.kind {
            UNDO => self.take_back(tx).await,
            _ => self.take_in(tx).await,
        }
    }

    /// Whether the person of the job may still do what it does.
    fn is_permitted(&self, permissions: &Permissions) -> bool {
        let target = self.mapping.target;
        let undoing = self.kind == UNDO;
        permissions.allow("import", if undoing { "delete" } else { "write" })
            && permissions.allow(target.name, "write")
            && (!undoing || permissions.allow(target.name, "delete"))
            && (undoing || !self.mapping.touches(&(target.hidden)(permissions)))
    }

    async fn take_in(&mut self, tx: TenantTx) -> db::Result<Then> {
        let mut tx = tx.acting(self.mapping.target.name, "write");
        let first = self.lines.place() == Place::START;
        let mut lines = self.lines.next(&mut tx, PART).await?;
        if lines.is_empty() {
            return self.end_pass(tx).await;
        }
        if first && self.header {
            lines.remove(0);
        }
        let linking = self.state.linking;
        let taken = match (&mut self.trial, linking) {
            (Some(trial), true) => rows::try_links(&mut tx, &self.mapping, lines, trial).await?,
            (None, true) => {
                let records = records(&mut tx, self.import, &lines).await?;
                rows::link(&mut tx, &self.mapping, lines, &records).await?
            }
            (trial, false) => rows::take_in(&mut tx, &self.mapping, lines, trial.as_mut()).await?,
        };
        self.state.report.add(taken.report);
        self.state.place = self.lines.place();
        if self.trial.is_some() {
            drop(tx); // nothing of it stays
            tx = match self.hold.begin().await? {
                Part::Begun(tx, _) | Part::Stopped(tx) | Part::Disowned(tx) => tx,
                Part::Lost => return Ok(Then::Leave),
            };
        } else {
            self.note(&mut tx, &taken).await?;
        }
        errors::keep(&mut tx, self.import, self.kind, &taken.bad).await?;
        self.keep(tx).await
    }

    /// Notes what the lines did, so that it can be taken back.
    async fn note(&self, tx: &mut TenantTx, taken: &Taken) -> db::Result<()> {
        let statement = if self.state.linking { LINKED } else { DID };
        let unchanged = self.mapping.has_deferred(); // such a record may still be changed
        for group in &taken.groups {
            let did = group.iter().filter(|(_, done)| unchanged || done.action != Action::Unchanged);
            let did: Vec<Value> = did.map(|(line, done)| noted(*line, done)).collect();
            if !did.is_empty() {
                tx.write_unnoted::<()>(statement).bind(self.import).bind(Column(did)).run().await?;
            }
        }
        Ok(())
    }

    /// All lines were read: once more, for what they name of their own kind, or that was it.
    async fn end_pass(&mut self, tx: TenantTx) -> db::Result<Then> {
        if self.state.linking || !self.mapping.has_deferred() {
            return self.end(tx, "done", None).await;
        }
        (self.state.linking, self.state.place) = (true, Place::START);
        self.lines.begin_again();
        self.keep(tx).await
    }

    /// Takes back what the last lines did of those that are left.
    async fn take_back(&mut self, mut tx: TenantTx) -> db::Result<Then> {
        let target = self.mapping.target;
        let did: Vec<Did> = tx.read(TO_UNDO).bind(self.import).bind(self.state.before).all().await?;
        let Some(last) = did.last() else { return self.end(tx, "done", None).await };
        self.state.before = last.line;
        let (made, changed): (Vec<Did>, Vec<Did>) = did.into_iter().partition(|one| one.action == "created");
        let (made_lines, made) = split(made);
        let (changed_lines, changed) = split(changed);
        let mut tx = tx.acting(target.name, "delete");
        let removed = (target.remove)(&mut tx, made).await?;
        let mut tx = tx.acting(target.name, "write");
        let put_back = (target.put_back)(&mut tx, changed).await?;
        let mut bad = Vec::new();
        self.state.report.removed += tell(&made_lines, &removed, &mut bad);
        self.state.report.put_back += tell(&changed_lines, &put_back, &mut bad);
        self.state.report.kept += i64::try_from(bad.len()).unwrap_or_default();
        errors::keep(&mut tx, self.import, self.kind, &bad).await?;
        self.keep(tx).await
    }

    /// Keeps a part, if the job is still ours.
    async fn keep(&self, tx: TenantTx) -> db::Result<Then> {
        Ok(match self.hold.keep(tx, &self.state, self.state.done(), self.kind != CHECK).await? {
            Kept::Kept => Then::GoOn,
            Kept::Lost => Then::Leave,
        })
    }

    /// Ends the job, and says where the import stands.
    async fn end(&self, mut tx: TenantTx, status: &str, problem: Option<&str>) -> db::Result<Then> {
        let stands = match (self.kind, status) {
            (CHECK, "done") => "checked",
            (CHECK, _) => "ready",
            (RUN, "done") => "done",
            (RUN, "cancelled") => "cancelled",
            (UNDO, "done") => "undone",
            _ => "failed",
        };
        if matches!(stands, "done" | "undone") {
            file::forget(&mut tx, self.import).await?; // nobody goes on with it
        }
        end_import(&mut tx, self.import, stands, &self.state.report).await?;
        self.hold.end(tx, status, problem).await?;
        tracing::info!(import.id = %self.import, job.kind = self.kind, status, problem, "a job has ended");
        Ok(Then::Leave)
    }
}

const ENDED: ScopedWrite = ScopedWrite::new(
    "update app.imports set status = $3, version = version + 1, updated_at = now() where account_id = $1 and id = $2",
);

async fn end_import(
    tx: &mut TenantTx,
    import: Uuid,
    status: &'static str,
    report: &Report,
) -> db::Result<()> {
    let change = Change::new(&format!("crm.import.{status}"), "import", import, status).with(json!(report));
    tx.write_noted::<()>(ENDED, change).bind(import).bind(status).run().await?;
    Ok(())
}

// The first line that touches a record says how it was before; others only that its version has moved on.
const DID: ScopedWrite = ScopedWrite::new(
    "with did as (
         select * from jsonb_to_recordset($3) as d (line bigint, record_id uuid, action text, version bigint, before jsonb)
     ), again as (
         update app.import_rows r set version = d.version from did d
         where r.account_id = $1 and r.import_id = $2 and r.record_id = d.record_id and d.action = 'updated'
     )
     insert into app.import_rows (account_id, import_id, line, record_id, action, version, before)
     select $1, $2, d.line, d.record_id,
         case when d.action = 'updated' and exists (select from app.import_rows r where r.account_id = $1 and r.import_id = $2
             and r.record_id = d.record_id and r.action in ('created', 'updated')) then 'again' else d.action end, d.version, d.before
     from did d",
);
const LINKED: ScopedWrite = ScopedWrite::new(
    "with did as (
         select d.*, f.line as first, f.touched
         from jsonb_to_recordset($3) as d (record_id uuid, version bigint, before jsonb),
         lateral (select min(r.line) as line, bool_or(r.action in ('created', 'updated')) as touched from app.import_rows r
                  where r.account_id = $1 and r.import_id = $2 and r.record_id = d.record_id) f
     )
     update app.import_rows r
     set version = d.version,
         action = case when not d.touched and r.line = d.first then 'updated' else r.action end,
         before = case when not d.touched and r.line = d.first then d.before else r.before end
     from did d
     where r.account_id = $1 and r.import_id = $2 and r.record_id = d.record_id",
);
const RECORDS: Scoped = Scoped::new(
    "select line, record_id from app.import_rows where account_id = $1 and import_id = $2 and line = any ($3)",
);
const TO_UNDO: Scoped = Scoped::new(
    "select line, record_id, action, version, before from app.import_rows
     where account_id = $1 and import_id = $2 and line < $3 and action in ('created', 'updated') order by line desc limit 500",
);

fn noted(line: i64, done: &Done) -> Value {
    json!({
        "line": line, "record_id": done.record, "action": done.action.word(), "version": done.version, "before": done.before,
    })
}

/// The records of lines.
async fn records(
    tx: &mut TenantTx,
    import: Uuid,
    lines: &[super::table::Line],
) -> db::Result<HashMap<i64, Uuid>> {
    let lines: Vec<i64> = lines.iter().map(|line| line.number).collect();
    let found: Vec<(i64, Uuid)> = tx.read(RECORDS).bind(import).bind(lines).all().await?;
    Ok(found.into_iter().collect())
}

/// What a line did.
#[derive(FromRow)]
struct Did {
    line: i64,
    record_id: Uuid,
    action: String,
    version: i64,
    before: Option<Value>,
}

fn split(did: Vec<Did>) -> (Vec<i64>, Vec<Work>) {
    let work =
        |one: Did| (one.line, Work { record: one.record_id, version: one.version, before: one.before });
    did.into_iter().map(work).unzip()
}

/// How much was taken back; tells of the rest.
fn tell(lines: &[i64], undone: &[Undone], kept: &mut Vec<Bad>) -> i64 {
    let mut count = 0;
    for (line, undone) in lines.iter().zip(undone) {
        let Err(code) = undone else {
            count += 1;
            continue;
        };
        let message = match *code {
            CHANGED => "somebody has changed the record since",
            GONE => "the record is not there any more, or is out of reach",
            _ => "a rule stands against it",
        };
        let wrong = Wrong {
            column: None,
            pointer: String::new(),
            code: (*code).to_owned(),
            message: message.to_owned(),
        };
        kept.push(Bad { line: *line, wrong: vec![wrong], cells: Vec::new() });
    }
    count
}
