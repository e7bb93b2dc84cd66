//! What people do with imports.

use db::{Change, Scoped, ScopedWrite, TenantTx};
use serde_json::{Value, json};
use sqlx::types::Json as Column;
use uuid::Uuid;
use web::{
    Accepted, Action, Answered, Begun, Delete, Error, IdempotencyKey, IfMatch, Json, Marked, May, NoContent,
    Once, Path, Result, Shown, Write,
};

use super::{
    CHECK, Imports, RUN, UNDO, errors,
    mapping::Mapping,
    plan::Plan,
    refusal::{ImportRefusal, MOST_JOBS},
    registry::Target,
    report::State,
    show::{self, Import},
};
use crate::jobs::{self, NewJob};

const PLANNED: ScopedWrite = ScopedWrite::new(
    "update app.imports set plan = $3, status = 'ready', version = version + 1, updated_at = now(), updated_by = $4
     where account_id = $1 and id = $2",
);
const MOVED: ScopedWrite = ScopedWrite::new(
    "update app.imports set status = $3, version = version + 1, updated_at = now(), updated_by = $4 where account_id = $1 and id = $2",
);
const STOP: ScopedWrite = ScopedWrite::new(
    "update app.jobs set stop = true where account_id = $1 and subject_id = $2 and status = 'due'",
);
const JOBS: Scoped = Scoped::new("select count(*) from app.jobs where account_id = $1 and status = 'due'");
const REMOVED: ScopedWrite = ScopedWrite::new("delete from app.imports where account_id = $1 and id = $2");

/// Say what becomes of the columns.
#[utoipa::path(put, path = "/api/v1/imports/{id}/plan", params(("id" = Uuid, Path, description = "Which."), IfMatch), tag = "imports")]
pub(crate) async fn plan_import(
    may: May<Write, Imports>,
    Path(id): Path<Uuid>,
    seen: IfMatch,
    Json(plan): Json<Plan>,
) -> Result<Marked<Shown<Import>>> {
    let mut tx = may.begin().await?;
    let import = show::lock(&mut tx, &may, id).await?;
    let import = holds(&may, seen, import)?;
    during(&import, &["uploaded", "ready", "checked"])?;
    let target = may_do(&may, &import, "write")?;
    if !plan.key.is_empty() {
        may_do(&may, &import, "read")?; // a key asks which records there are
    }
    let file = import.file.as_ref().ok_or(Error::NotFound("import"))?;
    Mapping::of(target, &plan, file, may.who().permissions()).map_err(Error::Invalid)?;
    let change = noted(id, "planned", &import, json!({ "mode": plan.mode, "key": plan.key }));
    let statement = tx.write_noted::<()>(PLANNED, change).bind(id).bind(Column(&plan));
    statement.bind(may.who().user()).run().await?;
    let import = show::find(&mut tx, &may, id).await?;
    tx.commit().await?;
    Ok(Marked(import.version, may.shown(import)?))
}

/// Try an import out.
///
/// Every line is dealt with as it would be, and nothing is kept: `checked` tells what would become of them.
#[utoipa::path(post, path = "/api/v1/imports/{id}/check", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn check_import(
    may: May<Write, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Answered<Accepted<Shown<Import>>>> {
    begin(&may, id, key, Wish { kind: CHECK, from: &["ready", "checked"], to: "checking", needs: &["write"] })
        .await
}

/// Take the records in; or go on where it was cancelled, or failed.
#[utoipa::path(post, path = "/api/v1/imports/{id}/start", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn start_import(
    may: May<Write, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Answered<Accepted<Shown<Import>>>> {
    let from = &["ready", "checked", "cancelled", "failed"];
    begin(&may, id, key, Wish { kind: RUN, from, to: "running", needs: &["write"] }).await
}

/// Take back what an import did: what it made goes to the trash, what it changed is as it was.
///
/// A record that somebody has changed since is kept as it is, and told of.
#[utoipa::path(post, path = "/api/v1/imports/{id}/undo", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn undo_import(
    may: May<Delete, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Answered<Accepted<Shown<Import>>>> {
    let from = &["done", "cancelled", "failed"];
    begin(&may, id, key, Wish { kind: UNDO, from, to: "undoing", needs: &["write", "delete"] }).await
}

/// Stop what is being done, after the part that it is at. What is in, stays in, and can be taken back.
#[utoipa::path(post, path = "/api/v1/imports/{id}/cancel", params(("id" = Uuid, Path, description = "Which."), IdempotencyKey), tag = "imports")]
pub(crate) async fn cancel_import(
    may: May<Write, Imports>,
    Path(id): Path<Uuid>,
    key: Option<IdempotencyKey>,
) -> Result<Answered<Accepted<Shown<Import>>>> {
    let once = Once::of(key, &())?;
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(before) => return Ok(before),
    };
    let import = show::lock(&mut tx, &may, id).await?;
    during(&import, &["checking", "running"])?;
    may_do(&may, &import, "write")?;
    let change = noted(id, "cancelled", &import, json!({}));
    tx.write_noted::<()>(STOP, change).bind(id).run().await?;
    answer(&may, tx, once, id).await
}

/// Remove an import: file, errors, and what is needed to take it back. The records stay.
#[utoipa::path(delete, path = "/api/v1/imports/{id}", params(("id" = Uuid, Path, description = "Which."), IfMatch), tag = "imports")]
pub(crate) async fn remove_import(
    may: May<Delete, Imports>,
    Path(id): Path<Uuid>,
    seen: IfMatch,
) -> Result<NoContent> {
    let mut tx = may.begin().await?;
    let import = show::lock(&mut tx, &may, id).await?;
    let import = holds(&may, seen, import)?;
    let still = ["receiving", "uploaded", "ready", "checked", "done", "cancelled", "failed", "undone"];
    during(&import, &still)?;
    let change = noted(id, "removed", &import, json!({}));
    tx.write_noted::<()>(REMOVED, change).bind(id).run().await?;
    tx.commit().await?;
    Ok(NoContent)
}

/// What is to be begun.
struct Wish {
    kind: &'static str,
    from: &'static [&'static str],
    to: &'static str,
    needs: &'static [&'static str],
}

async fn begin<A: Action>(
    may: &May<A, Imports>,
    id: Uuid,
    key: Option<IdempotencyKey>,
    wish: Wish,
) -> Result<Answered<Accepted<Shown<Import>>>> {
    let once = Once::of(key, &())?;
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(before) => return Ok(before),
    };
    let import = show::lock(&mut tx, may, id).await?;
    during(&import, wish.from)?;
    if wish.kind == RUN && import.undone.is_some() {
        return Err(ImportRefusal::Status("undoing").into());
    }
    for action in wish.needs {
        may_do(may, &import, action)?;
    }
    let (Some(file), Some(_)) = (&import.file, &import.plan) else {
        return Err(ImportRefusal::Status("without a plan").into());
    };
    if tx.read::<(i64,)>(JOBS).optional().await?.is_some_and(|(jobs,)| jobs >= MOST_JOBS) {
        return Err(ImportRefusal::TooManyJobs.into());
    }
    let state = State::to_go_on(&mut tx, wish.kind, id).await?;
    if state.is_new() {
        errors::forget(&mut tx, id, wish.kind).await?;
    }
    let (total, done) = (state.total(file.rows), state.done());
    let state = serde_json::to_value(state).map_err(|error| Error::Internal(error.into()))?;
    jobs::add(&mut tx, NewJob { kind: wish.kind, subject: id, who: may.who(), state, total, done }).await?;
    let change = noted(id, wish.to, &import, json!({}));
    tx.write_noted::<()>(MOVED, change).bind(id).bind(wish.to).bind(may.who().user()).run().await?;
    answer(may, tx, once, id).await
}

async fn answer<A: Action>(
    may: &May<A, Imports>,
    mut tx: TenantTx,
    once: Once,
    id: Uuid,
) -> Result<Answered<Accepted<Shown<Import>>>> {
    let import = show::find(&mut tx, may, id).await?;
    once.answer(tx, Accepted(may.shown(import)?)).await
}

/// Whether somebody may do this to the records that an import is about, as well.
fn may_do<A: Action>(may: &May<A, Imports>, import: &Import, action: &str) -> Result<&'static Target> {
    let target = Target::of_plural(&import.resource).ok_or(Error::NotFound("import"))?;
    if may.who().permissions().allow(target.name, action) {
        Ok(target)
    } else {
        Err(Error::Forbidden(format!("{}:{action}", target.name)))
    }
}

/// The import, if it is still as it was seen; the refusal holds what the caller may see of it.
fn holds<A: Action>(may: &May<A, Imports>, seen: IfMatch, import: Import) -> Result<Import> {
    if seen == import.version {
        return Ok(import);
    }
    Err(Error::Stale("import", Some(may.shown(import)?.into_json()?)))
}

fn during(import: &Import, good: &[&str]) -> Result<()> {
    const ALL: [&str; 11] = [
        "receiving",
        "uploaded",
        "ready",
        "checking",
        "checked",
        "running",
        "done",
        "cancelled",
        "failed",
        "undoing",
        "undone",
    ];
    if good.contains(&import.status.as_str()) {
        return Ok(());
    }
    let status = ALL.into_iter().find(|status| *status == import.status).unwrap_or_default();
    Err(ImportRefusal::Status(status).into())
}

fn noted(id: Uuid, action: &'static str, import: &Import, after: Value) -> Change {
    Change::new(&format!("crm.import.{action}"), "import", id, action).with(after).at(import.version + 1)
}
