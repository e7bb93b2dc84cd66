//! Reads imports for the API and for operations.

use db::{FromRow, Json as Column, TenantQuery, TenantTx};
use jobs::JobStatus;
use resource::PageInfo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Action, Authorized, Error, Json, Path, Query, Read, Result, WithETag};

use super::params::ImportListParams;
use crate::imports::{
    Imports, file::inspect::ImportFile, job_kind::ImportJobKind, mapping::plan::ImportPlan,
    run::report::ImportReport, status::ImportStatus, targets,
};

/// An uploaded file of records, and the state of its import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Import {
    pub(super) id: Uuid,
    /// Resource that the rows are imported into, such as `clients`.
    pub(super) resource: String,
    /// Name of the file, as given by the uploader.
    file_name: String,
    /// What the import waits for, or what is being done with it.
    pub(super) status: ImportStatus,
    /// Properties detected in the file.
    pub(super) file: Option<ImportFile>,
    /// Plan of the import, once it is set.
    pub(super) plan: Option<ImportPlan>,
    /// Result of the last dry run.
    checked: Option<ImportReport>,
    /// Result of the import so far.
    done: Option<ImportReport>,
    /// Result of undoing the import.
    pub(super) undone: Option<ImportReport>,
    /// Current or last background job of the import.
    job: Option<ImportJob>,
    /// Version, incremented by each operation of a user; also the `ETag`.
    pub(super) version: i64,
    #[serde(with = "rfc3339")]
    created_at: OffsetDateTime,
    created_by: Uuid,
    #[serde(with = "rfc3339")]
    updated_at: OffsetDateTime,
}

/// A background job of an import.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct ImportJob {
    /// What the job does.
    kind: ImportJobKind,
    /// Whether the job has ended, and how.
    status: JobStatus,
    /// Number of rows processed.
    done: i64,
    /// Total number of rows to process.
    total: i64,
    /// Code of the reason if the job failed.
    problem: Option<String>,
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    state: Value,
}

/// A page of imports, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportList {
    data: Vec<Import>,
    page: PageInfo,
}

#[derive(FromRow)]
struct ImportRow {
    id: Uuid,
    resource: String,
    file_name: String,
    status: ImportStatus,
    file: Option<Column<ImportFile>>,
    plan: Option<Column<ImportPlan>>,
    jobs: Column<Vec<ImportJob>>,
    version: i64,
    created_at: OffsetDateTime,
    created_by: Uuid,
    updated_at: OffsetDateTime,
}

impl From<ImportRow> for Import {
    fn from(row: ImportRow) -> Self {
        let Column(jobs) = row.jobs;
        let report = |kind: ImportJobKind| {
            let last = jobs.iter().find(|job| job.kind == kind)?;
            serde_json::from_value(last.state.get("report")?.clone()).ok()
        };
        Self {
            checked: report(ImportJobKind::Check),
            done: report(ImportJobKind::Run),
            undone: report(ImportJobKind::Undo),
            job: jobs.first().cloned(),
            id: row.id,
            resource: row.resource,
            file_name: row.file_name,
            status: row.status,
            file: row.file.map(|Column(file)| file),
            plan: row.plan.map(|Column(plan)| plan),
            version: row.version,
            created_at: row.created_at,
            created_by: row.created_by,
            updated_at: row.updated_at,
        }
    }
}

macro_rules! seen {
    ($rest:literal) => {
        TenantQuery::new(concat!(
            "select i.id, i.resource, i.file_name, i.status, i.file, i.plan, i.version, i.created_at, i.created_by, i.updated_at,
                coalesce((select jsonb_agg(to_jsonb(j) order by j.created_at desc, j.id desc) from (
                    select kind, status, done, total, problem, state, created_at, id from app.jobs
                    where account_id = i.account_id and subject_id = i.id order by created_at desc, id desc limit 20) j), '[]') as jobs
             from app.imports i
             where i.account_id = $1 and (i.created_by = $2 or i.resource = any ($3))",
            $rest
        ))
    };
}

const ONE: TenantQuery = seen!(" and i.id = $4");
const SOME: TenantQuery = seen!(
    " and ($4::uuid is null or (i.created_at, i.id) < (select created_at, id from app.imports where account_id = $1 and id = $4))
     order by i.created_at desc, i.id desc limit $5"
);
const LOCK: TenantQuery =
    TenantQuery::new("select version from app.imports where account_id = $1 and id = $2 for update");

/// Finds an import that this user may access: their own, or one of a resource whose records and fields they can all
/// see. A file reveals what its records contain.
pub(super) async fn find<A: Action>(
    tx: &mut TenantTx,
    auth: &Authorized<A, Imports>,
    id: Uuid,
) -> Result<Import> {
    let who = auth.who();
    let statement =
        tx.read::<ImportRow>(ONE).bind(who.user()).bind(targets::seen_whole(who.permissions(), A::NAME));
    let found = statement.bind(id).optional().await?;
    found.map(Import::from).ok_or(Error::NotFound("import"))
}

/// Finds an import that this user may access, and locks it until the transaction ends.
pub(super) async fn lock<A: Action>(
    tx: &mut TenantTx,
    auth: &Authorized<A, Imports>,
    id: Uuid,
) -> Result<Import> {
    tx.read::<(i64,)>(LOCK).bind(id).optional().await?;
    find(tx, auth, id).await
}

/// List imports, newest first.
#[utoipa::path(get, path = "/api/v1/imports", params(ImportListParams), tag = "imports")]
pub(crate) async fn list_imports(
    auth: Authorized<Read, Imports>,
    Query(part): Query<ImportListParams>,
) -> Result<Json<ImportList>> {
    let limit = part.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::invalid("/limit", "range", "must be from 1 to 200"));
    }
    let who = auth.who();
    let mut tx = auth.begin_read_only().await?;
    let statement =
        tx.read::<ImportRow>(SOME).bind(who.user()).bind(targets::seen_whole(who.permissions(), Read::NAME));
    let rows = statement.bind(part.cursor).bind(limit + 1).all().await?;
    let mut data: Vec<Import> = rows.into_iter().map(Import::from).collect();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = data.len() > most;
    data.truncate(most);
    let next_cursor = data.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(Json(ImportList { data, page: PageInfo { next_cursor, has_more, ..PageInfo::default() } }))
}

/// Get an import with its file, plan and progress.
#[utoipa::path(get, path = "/api/v1/imports/{id}", params(("id" = Uuid, Path, description = "Which.")), tag = "imports")]
pub(crate) async fn get_import(
    auth: Authorized<Read, Imports>,
    Path(id): Path<Uuid>,
) -> Result<WithETag<Import>> {
    let mut tx = auth.begin_read_only().await?;
    let import = find(&mut tx, &auth, id).await?;
    Ok(WithETag(import.version, import))
}
