//! Operations on imports, except uploading and reading.

use db::{Change, Json as Column, TenantCommand, TenantQuery, TenantTx};
use jobs::NewJob;
use resource::ResourceHandle;
use serde_json::{Value, json};
use uuid::Uuid;
use web::{
    Accepted, Action, Authorized, Delete, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, IfMatch,
    Json, NoContent, Path, Redacted, Replayable, Result, WithETag, Write,
};

use super::read::{self, Import};
use crate::imports::{
    Imports,
    job_kind::ImportJobKind,
    mapping::{Mapping, plan::ImportPlan},
    refusal::{ImportRefusal, MAX_JOBS},
    run::{errors, report::ImportState},
    status::{ImportStatus, Operation},
    targets,
};

const PLANNED: TenantCommand = TenantCommand::new(
    "update app.imports set plan = $3, status = 'ready', version = version + 1, updated_at = now(), updated_by = $4
     where account_id = $1 and id = $2",
);
const MOVED: TenantCommand = TenantCommand::new(
    "update app.imports set status = $3, version = version + 1, updated_at = now(), updated_by = $4 where account_id = $1 and id = $2",
);
const STOP: TenantCommand = TenantCommand::new(
    "update app.jobs set stop = true where account_id = $1 and subject_id = $2 and status = 'due'",
);
const JOBS: TenantQuery =
    TenantQuery::new("select count(*) from app.jobs where account_id = $1 and status = 'due'");
const REMOVED: TenantCommand =
    TenantCommand::new("delete from app.imports where account_id = $1 and id = $2");

/// Set the plan of an import: how its columns fill the fields.
#[utoipa::path(put, path = "/api/v1/imports/{id}/plan", params(("id" = Uuid, Path, description = "Which."), IfMatch), tag = "imports")]
pub(crate) async fn plan_import(
    auth: Authorized<Write, Imports>,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
    Json(plan): Json<ImportPlan>,
) -> Result<WithETag<Redacted<Import>>> {
    let mut tx = auth.begin().await?;
    let import = read::lock(&mut tx, &auth, id).await?;
    let import = holds(&auth, if_match, import)?;
    ensure_allowed(&import, Operation::Plan)?;
    let target = may_do(&auth, &import, "write")?;
    if !plan.key.is_empty() {
        may_do(&auth, &import, "read")?; // looking up keys reveals which records exist
    }
    let file = import.file.as_ref().ok_or(Error::NotFound("import"))?;
    Mapping::new(target, &plan, file, auth.who().permissions()).map_err(Error::Invalid)?;
    let change = noted(id, "planned", &import, json!({ "mode": plan.mode, "key": plan.key }));
    let statement = tx.execute_audited::<()>(PLANNED, change).bind(id).bind(Column(&plan));
    statement.bind(auth.who().user()).run().await?;
    let import = read::find(&mut tx, &auth, id).await?;
    tx.commit().await?;
    Ok(WithETag(import.version, auth.shown(import)?))
}

/// Check an import by a dry run.
///
/// All rows are processed, but no record is written; `checked` reports the result.
#[utoipa::path(post, path = "/api/v1/imports/{id}/check", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn check_import(
    auth: Authorized<Write, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Replayable<Accepted<Redacted<Import>>>> {
    begin(&auth, id, key, ImportJobKind::Check).await
}

/// Start an import, or resume a cancelled or failed one.
#[utoipa::path(post, path = "/api/v1/imports/{id}/start", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn start_import(
    auth: Authorized<Write, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Replayable<Accepted<Redacted<Import>>>> {
    begin(&auth, id, key, ImportJobKind::Run).await
}

/// Undo an import: created records go to the trash, and changed ones are restored.
///
/// Records that were changed since are kept and reported as errors.
#[utoipa::path(post, path = "/api/v1/imports/{id}/undo", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn undo_import(
    auth: Authorized<Delete, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Replayable<Accepted<Redacted<Import>>>> {
    begin(&auth, id, key, ImportJobKind::Undo).await
}

/// Cancel the running job of an import after its current step.
///
/// Imported records stay, and can be undone.
#[utoipa::path(post, path = "/api/v1/imports/{id}/cancel", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn cancel_import(
    auth: Authorized<Write, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Replayable<Accepted<Redacted<Import>>>> {
    let idempotent = Idempotent::new(key, &())?;
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(before) => return Ok(before),
    };
    let import = read::lock(&mut tx, &auth, id).await?;
    ensure_allowed(&import, Operation::Cancel)?;
    may_do(&auth, &import, "write")?;
    let change = noted(id, "cancelled", &import, json!({}));
    tx.execute_audited::<()>(STOP, change).bind(id).run().await?;
    answer(&auth, tx, idempotent, id).await
}

/// Delete an import with its file, errors and undo log. The imported records stay.
#[utoipa::path(delete, path = "/api/v1/imports/{id}", params(("id" = Uuid, Path, description = "Which."), IfMatch), tag = "imports")]
pub(crate) async fn delete_import(
    auth: Authorized<Delete, Imports>,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
) -> Result<NoContent> {
    let mut tx = auth.begin().await?;
    let import = read::lock(&mut tx, &auth, id).await?;
    let import = holds(&auth, if_match, import)?;
    ensure_allowed(&import, Operation::Delete)?;
    let change = noted(id, "removed", &import, json!({}));
    tx.execute_audited::<()>(REMOVED, change).bind(id).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// Starts a job of this kind, and moves the import to the status that it has meanwhile.
async fn begin<A: Action>(
    auth: &Authorized<A, Imports>,
    id: Uuid,
    key: Option<IdempotencyKey>,
    kind: ImportJobKind,
) -> Result<Replayable<Accepted<Redacted<Import>>>> {
    let idempotent = Idempotent::new(key, &())?;
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(before) => return Ok(before),
    };
    let import = read::lock(&mut tx, auth, id).await?;
    ensure_allowed(&import, Operation::Start(kind))?;
    if kind == ImportJobKind::Run && import.undone.is_some() {
        return Err(ImportRefusal::Status(ImportStatus::Undoing).into());
    }
    for action in kind.actions() {
        may_do(auth, &import, action)?;
    }
    let (Some(file), Some(_)) = (&import.file, &import.plan) else {
        return Err(ImportRefusal::NoPlan.into());
    };
    if tx.read::<(i64,)>(JOBS).optional().await?.is_some_and(|(jobs,)| jobs >= MAX_JOBS) {
        return Err(ImportRefusal::TooManyJobs.into());
    }
    let state = ImportState::to_go_on(&mut tx, kind, id).await?;
    if state.is_new() {
        errors::forget(&mut tx, id, kind).await?;
    }
    let (total, done) = (state.total(file.rows), state.done());
    let state = serde_json::to_value(state).map_err(|error| Error::Internal(error.into()))?;
    let job = NewJob { kind: kind.as_str(), subject: id, who: auth.who(), state, total, done };
    jobs::add(&mut tx, job).await?;
    let status = ImportStatus::during(kind);
    let change = noted(id, status.as_str(), &import, json!({}));
    tx.execute_audited::<()>(MOVED, change).bind(id).bind(status).bind(auth.who().user()).run().await?;
    answer(auth, tx, idempotent, id).await
}

async fn answer<A: Action>(
    auth: &Authorized<A, Imports>,
    mut tx: TenantTx,
    idempotent: Idempotent,
    id: Uuid,
) -> Result<Replayable<Accepted<Redacted<Import>>>> {
    let import = read::find(&mut tx, auth, id).await?;
    idempotent.answer(tx, Accepted(auth.shown(import)?)).await
}

/// Checks the caller's permission on the records of the import as well.
fn may_do<A: Action>(auth: &Authorized<A, Imports>, import: &Import, action: &str) -> Result<ResourceHandle> {
    let target = targets::find(&import.resource).ok_or(Error::NotFound("import"))?;
    if auth.who().permissions().allow(target.schema().name(), action) {
        Ok(target)
    } else {
        Err(Error::Forbidden(format!("{}:{action}", target.schema().name())))
    }
}

/// Checks `If-Match`; the error contains what the caller may see of the import.
fn holds<A: Action>(auth: &Authorized<A, Imports>, if_match: IfMatch, import: Import) -> Result<Import> {
    if if_match == import.version {
        return Ok(import);
    }
    Err(Error::Stale("import", Some(auth.shown(import)?.into_json()?)))
}

fn ensure_allowed(import: &Import, operation: Operation) -> Result<()> {
    if import.status.allows(operation) { Ok(()) } else { Err(ImportRefusal::Status(import.status).into()) }
}

fn noted(id: Uuid, action: &'static str, import: &Import, after: Value) -> Change {
    Change::new(&format!("crm.import.{action}"), "import", id, action).with(after).at(import.version + 1)
}
