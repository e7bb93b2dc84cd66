//! Background jobs of imports: dry run, import and undo, step by step.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use db::{Change, FromRow, Json as Column, TenantCommand, TenantQuery, TenantTx};
use identity::Permissions;
use jobs::{CommitOutcome, Job, JobLease, JobOutcome, JobStep};
use serde_json::json;
use uuid::Uuid;

use super::{
    apply::{self, DryRunState},
    errors, links,
    report::{ImportReport, ImportState},
    undo_log::{self, LoggedAction, UndoEntry},
};
use crate::imports::{
    file::{
        csv::Position,
        inspect::ImportFile,
        parts::{self, RowReader},
    },
    job_kind::ImportJobKind,
    mapping::{Mapping, plan::ImportPlan},
    status::ImportStatus,
    targets,
};

/// Number of rows per step, which is one transaction.
const PART: usize = 500;

/// An import that is being processed by a job.
struct ImportRun<'h> {
    hold: &'h JobLease,
    import: Uuid,
    kind: ImportJobKind,
    header: bool,
    mapping: Mapping,
    lines: RowReader,
    state: ImportState,
    trial: Option<DryRunState>,
}

#[derive(FromRow)]
struct StoredImport {
    resource: String,
    file: Column<ImportFile>,
    plan: Column<ImportPlan>,
}

const KEPT: TenantQuery =
    TenantQuery::new("select resource, file, plan from app.imports where account_id = $1 and id = $2");

/// Whether the job has further steps.
#[derive(PartialEq, Eq)]
enum NextStep {
    GoOn,
    Leave,
}

/// The background jobs of imports.
pub(crate) fn jobs() -> Vec<Arc<dyn Job>> {
    ImportJobKind::ALL.into_iter().map(|kind| Arc::new(kind) as Arc<dyn Job>).collect()
}

#[async_trait]
impl Job for ImportJobKind {
    fn kind(&self) -> &'static str {
        self.as_str()
    }

    async fn run(&self, lease: &JobLease) -> db::Result<()> {
        let Some(mut run) = ImportRun::load(lease, *self).await? else { return Ok(()) };
        while run.step().await? == NextStep::GoOn {
            // A dry run's state exists in this process only, so it is not released before its end.
            if lease.is_stopping() || *self != Self::Check && lease.is_over() {
                return lease.release(Duration::ZERO).await;
            }
            lease.give_way().await;
        }
        Ok(())
    }

    async fn give_up(&self, lease: &JobLease) -> db::Result<()> {
        let Some(run) = ImportRun::load(lease, *self).await? else { return Ok(()) };
        if let Some(tx) = run.begin().await? {
            run.end(tx, JobOutcome::Failed("internal")).await?;
        }
        Ok(())
    }
}

impl<'h> ImportRun<'h> {
    async fn load(hold: &'h JobLease, kind: ImportJobKind) -> db::Result<Option<Self>> {
        let import = hold.subject();
        let mut tx = match hold.begin().await? {
            JobStep::Lost => return Ok(None),
            JobStep::Run(tx, _) | JobStep::Cancelled(tx) | JobStep::Unauthorized(tx) => tx,
        };
        let kept: Option<StoredImport> = tx.read(KEPT).bind(import).optional().await?;
        let known = kept.and_then(|StoredImport { resource, file: Column(file), plan: Column(plan) }| {
            let mapping = Mapping::new(targets::find(&resource)?, &plan, &file, &Permissions::default());
            Some((mapping.ok()?, file))
        });
        let Some((mapping, file)) = known else {
            // The plan was stored by another version of this service.
            end_import(&mut tx, import, ImportStatus::Failed, &ImportReport::default()).await?;
            hold.end(tx, JobOutcome::Failed("plan-unknown")).await?;
            return Ok(None);
        };
        let mut state: ImportState = hold.state();
        if kind == ImportJobKind::Check {
            state = ImportState::default();
            errors::forget(&mut tx, import, kind).await?;
        }
        tx.commit().await?;
        let delimiter = file.delimiter.and_then(|one| u8::try_from(one).ok()).unwrap_or(b',');
        let lines = RowReader::from(import, delimiter, state.place);
        let trial = (kind == ImportJobKind::Check).then(DryRunState::default);
        Ok(Some(Self { hold, import, kind, header: file.header, mapping, lines, state, trial }))
    }

    /// Runs the next step of the job.
    async fn step(&mut self) -> db::Result<NextStep> {
        let Some(tx) = self.begin().await? else { return Ok(NextStep::Leave) };
        match self.kind {
            ImportJobKind::Undo => self.take_back(tx).await,
            ImportJobKind::Check | ImportJobKind::Run => self.take_in(tx).await,
        }
    }

    /// Begins a step. `None` if the lease was lost, or the job has ended because it was cancelled or is not permitted
    /// any more.
    async fn begin(&self) -> db::Result<Option<TenantTx>> {
        let (tx, outcome) = match self.hold.begin().await? {
            JobStep::Run(tx, permissions) if self.is_permitted(&permissions) => return Ok(Some(tx)),
            JobStep::Run(tx, _) | JobStep::Unauthorized(tx) => (tx, JobOutcome::Failed("forbidden")),
            JobStep::Cancelled(tx) => (tx, JobOutcome::Cancelled),
            JobStep::Lost => return Ok(None),
        };
        self.end(tx, outcome).await?;
        Ok(None)
    }

    /// True if the job's user still has the permissions that it needs.
    fn is_permitted(&self, permissions: &Permissions) -> bool {
        let target = self.mapping.target.clone();
        let undoing = self.kind == ImportJobKind::Undo;
        permissions.allow("import", if undoing { "delete" } else { "write" })
            && self.kind.actions().iter().all(|action| permissions.allow(target.schema().name(), action))
            && (undoing || self.mapping.key.is_empty() || permissions.allow(target.schema().name(), "read"))
            && !self.mapping.touches_hidden(permissions)
    }

    async fn take_in(&mut self, tx: TenantTx) -> db::Result<NextStep> {
        let mut tx = tx.with_action(self.mapping.target.schema().name(), "write");
        let first = self.lines.place() == Position::START;
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
                let records = undo_log::records(&mut tx, self.import, &lines).await?;
                links::link(&mut tx, &self.mapping, lines, &records).await?
            }
            (trial, false) => apply::apply_rows(&mut tx, &self.mapping, lines, trial.as_mut()).await?,
        };
        self.state.report.add(taken.report);
        self.state.place = self.lines.place();
        if self.trial.is_some() {
            drop(tx); // dry run: roll back
            tx = match self.hold.begin().await? {
                JobStep::Run(tx, _) | JobStep::Cancelled(tx) | JobStep::Unauthorized(tx) => tx,
                JobStep::Lost => return Ok(NextStep::Leave),
            };
        } else {
            undo_log::note(&mut tx, self.import, &self.mapping, linking, &taken).await?;
        }
        errors::keep(&mut tx, self.import, self.kind, &taken.bad).await?;
        self.keep(tx).await
    }

    /// Ends a pass over the file: starts the second pass, for references between its rows, or completes the import.
    async fn end_pass(&mut self, tx: TenantTx) -> db::Result<NextStep> {
        if self.state.linking || !self.mapping.has_deferred() {
            return self.end(tx, JobOutcome::Done).await;
        }
        (self.state.linking, self.state.place) = (true, Position::START);
        self.lines.begin_again();
        self.keep(tx).await
    }

    /// Reverts the last entries of the undo log that remain.
    async fn take_back(&mut self, mut tx: TenantTx) -> db::Result<NextStep> {
        let target = self.mapping.target.clone();
        let did = undo_log::before(&mut tx, self.import, self.state.before).await?;
        let Some(last) = did.last() else { return self.end(tx, JobOutcome::Done).await };
        self.state.before = last.line;
        let (made, changed): (Vec<UndoEntry>, Vec<UndoEntry>) =
            did.into_iter().partition(|one| one.action == LoggedAction::Created);
        let (made_lines, made) = undo_log::split(made);
        let (changed_lines, changed) = undo_log::split(changed);
        let mut tx = tx.with_action(target.schema().name(), "delete");
        let removed = target.remove(&mut tx, made).await?;
        let mut tx = tx.with_action(target.schema().name(), "write");
        let put_back = target.put_back(&mut tx, changed).await?;
        let mut bad = Vec::new();
        self.state.report.removed += undo_log::tell(&made_lines, &removed, &mut bad);
        self.state.report.put_back += undo_log::tell(&changed_lines, &put_back, &mut bad);
        self.state.report.kept += i64::try_from(bad.len()).unwrap_or_default();
        errors::keep(&mut tx, self.import, self.kind, &bad).await?;
        self.keep(tx).await
    }

    /// Commits the step, unless the lease was lost.
    async fn keep(&self, tx: TenantTx) -> db::Result<NextStep> {
        Ok(
            match self
                .hold
                .keep(tx, &self.state, self.state.done(), self.kind != ImportJobKind::Check)
                .await?
            {
                CommitOutcome::Kept => NextStep::GoOn,
                CommitOutcome::Lost => NextStep::Leave,
            },
        )
    }

    /// Ends the job and sets the final status of the import.
    async fn end(&self, mut tx: TenantTx, outcome: JobOutcome) -> db::Result<NextStep> {
        let status = ImportStatus::after(self.kind, outcome);
        if status.is_final() {
            parts::forget(&mut tx, self.import).await?; // no job will resume it
        }
        end_import(&mut tx, self.import, status, &self.state.report).await?;
        self.hold.end(tx, outcome).await?;
        let (kind, status, problem) = (self.kind.as_str(), outcome.status().as_str(), outcome.problem());
        tracing::info!(import.id = %self.import, job.kind = kind, status, problem, "a job has ended");
        Ok(NextStep::Leave)
    }
}

const ENDED: TenantCommand = TenantCommand::new(
    "update app.imports set status = $3, version = version + 1, updated_at = now() where account_id = $1 and id = $2",
);

async fn end_import(
    tx: &mut TenantTx,
    import: Uuid,
    status: ImportStatus,
    report: &ImportReport,
) -> db::Result<()> {
    let change =
        Change::new(&format!("crm.import.{status}"), "import", import, status.as_str()).with(json!(report));
    tx.execute_audited::<()>(ENDED, change).bind(import).bind(status).run().await?;
    Ok(())
}
