//! Works at imports: tries them out, takes them in, takes them back, part by part.

use std::time::Duration;

use db::{Change, Scoped, ScopedWrite, TenantTx};
use identity::Permissions;
use serde_json::json;
use sqlx::{FromRow, types::Json as Column};
use uuid::Uuid;

use super::{
    CHECK, RUN, UNDO,
    did::{self, Did},
    errors,
    file::{self, Lines},
    links,
    mapping::Mapping,
    plan::Plan,
    registry::Target,
    report::{Report, State},
    rows::{self, Trial},
    survey::FileFound,
    table::Place,
};
use crate::jobs::{Hold, Kept, Part};

/// Lines of a part: one transaction.
const PART: usize = 500;

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
        hold.give_way().await;
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
            let mapping = Mapping::of(Target::of_plural(&resource)?, &plan, &file, &Permissions::default());
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
            && (undoing || self.mapping.key.is_empty() || permissions.allow(target.name, "read"))
            && !self.mapping.touches_hidden(permissions)
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
            (Some(trial), true) => links::try_links(&mut tx, &self.mapping, lines, trial).await?,
            (None, true) => {
                let records = did::records(&mut tx, self.import, &lines).await?;
                links::link(&mut tx, &self.mapping, lines, &records).await?
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
            did::note(&mut tx, self.import, &self.mapping, linking, &taken).await?;
        }
        errors::keep(&mut tx, self.import, self.kind, &taken.bad).await?;
        self.keep(tx).await
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
        let did = did::before(&mut tx, self.import, self.state.before).await?;
        let Some(last) = did.last() else { return self.end(tx, "done", None).await };
        self.state.before = last.line;
        let (made, changed): (Vec<Did>, Vec<Did>) = did.into_iter().partition(|one| one.action == "created");
        let (made_lines, made) = did::split(made);
        let (changed_lines, changed) = did::split(changed);
        let mut tx = tx.acting(target.name, "delete");
        let removed = (target.remove)(&mut tx, made).await?;
        let mut tx = tx.acting(target.name, "write");
        let put_back = (target.put_back)(&mut tx, changed).await?;
        let mut bad = Vec::new();
        self.state.report.removed += did::tell(&made_lines, &removed, &mut bad);
        self.state.report.put_back += did::tell(&changed_lines, &put_back, &mut bad);
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
