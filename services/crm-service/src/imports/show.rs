//! Imports as they are seen.

use db::{PageInfo, Scoped, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, types::Json as Column};
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Action, Error, Json, Marked, May, Path, Query, Read, Result};

use super::{
    CHECK, Imports, RUN, UNDO, plan::Plan, query::Part, registry::Target, report::Report, survey::FileFound,
};

/// A file of records, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Import {
    pub(super) id: Uuid,
    /// What its lines are: `clients`.
    pub(super) resource: String,
    /// As whoever sent it calls it.
    file_name: String,
    /// `receiving`, `uploaded`, `ready`, `checking`, `checked`, `running`, `done`, `cancelled`, `failed`, `undoing` or `undone`.
    pub(super) status: String,
    /// What was found in it.
    pub(super) file: Option<FileFound>,
    /// What becomes of its columns.
    pub(super) plan: Option<Plan>,
    /// What would become of its lines, as the last trial found.
    checked: Option<Report>,
    /// What became of them.
    done: Option<Report>,
    /// What was taken back.
    pub(super) undone: Option<Report>,
    /// What is being done with it now, or was last.
    job: Option<JobShown>,
    /// Grows with what people do with it; the `ETag`.
    pub(super) version: i64,
    #[serde(with = "rfc3339")]
    created_at: OffsetDateTime,
    created_by: Uuid,
    #[serde(with = "rfc3339")]
    updated_at: OffsetDateTime,
}

/// Work that goes on after its request was answered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct JobShown {
    /// `import-check`, `import-run` or `import-undo`.
    kind: String,
    /// `due`, `done`, `failed` or `cancelled`.
    status: String,
    /// Lines that it has dealt with.
    done: i64,
    /// Lines that there are.
    total: i64,
    /// Why it failed.
    problem: Option<String>,
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    state: Value,
}

/// Imports, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportList {
    data: Vec<Import>,
    page: PageInfo,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    resource: String,
    file_name: String,
    status: String,
    file: Option<Column<FileFound>>,
    plan: Option<Column<Plan>>,
    jobs: Column<Vec<JobShown>>,
    version: i64,
    created_at: OffsetDateTime,
    created_by: Uuid,
    updated_at: OffsetDateTime,
}

impl From<Row> for Import {
    fn from(row: Row) -> Self {
        let Column(jobs) = row.jobs;
        let report = |kind: &str| {
            let last = jobs.iter().find(|job| job.kind == kind)?;
            serde_json::from_value(last.state.get("report")?.clone()).ok()
        };
        Self {
            checked: report(CHECK),
            done: report(RUN),
            undone: report(UNDO),
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
        Scoped::new(concat!(
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

const ONE: Scoped = seen!(" and i.id = $4");
const SOME: Scoped = seen!(
    " and ($4::uuid is null or (i.created_at, i.id) < (select created_at, id from app.imports where account_id = $1 and id = $4))
     order by i.created_at desc, i.id desc limit $5"
);
const LOCK: Scoped =
    Scoped::new("select version from app.imports where account_id = $1 and id = $2 for update");

/// The import, if it is there for this person: their own, or one of records of which they see everything. A file holds what
/// its records hold.
pub(super) async fn find<A: Action>(tx: &mut TenantTx, may: &May<A, Imports>, id: Uuid) -> Result<Import> {
    let who = may.who();
    let statement = tx.read::<Row>(ONE).bind(who.user()).bind(Target::seen_whole(who.permissions(), A::NAME));
    let found = statement.bind(id).optional().await?;
    found.map(Import::from).ok_or(Error::NotFound("import"))
}

/// The same, held until the transaction ends.
pub(super) async fn lock<A: Action>(tx: &mut TenantTx, may: &May<A, Imports>, id: Uuid) -> Result<Import> {
    tx.read::<(i64,)>(LOCK).bind(id).optional().await?;
    find(tx, may, id).await
}

/// List imports, newest first.
#[utoipa::path(get, path = "/api/v1/imports", params(Part), tag = "imports")]
pub(crate) async fn list_imports(
    may: May<Read, Imports>,
    Query(part): Query<Part>,
) -> Result<Json<ImportList>> {
    let limit = part.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::invalid("/limit", "range", "must be from 1 to 200"));
    }
    let who = may.who();
    let mut tx = may.begin_reading().await?;
    let statement =
        tx.read::<Row>(SOME).bind(who.user()).bind(Target::seen_whole(who.permissions(), Read::NAME));
    let rows = statement.bind(part.cursor).bind(limit + 1).all().await?;
    let mut data: Vec<Import> = rows.into_iter().map(Import::from).collect();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = data.len() > most;
    data.truncate(most);
    let next_cursor = data.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok(Json(ImportList { data, page: PageInfo { next_cursor, has_more, ..PageInfo::default() } }))
}

/// Find an import: what it holds, and how far it has come.
#[utoipa::path(get, path = "/api/v1/imports/{id}", params(("id" = Uuid, Path, description = "Which.")), tag = "imports")]
pub(crate) async fn find_import(may: May<Read, Imports>, Path(id): Path<Uuid>) -> Result<Marked<Import>> {
    let mut tx = may.begin_reading().await?;
    let import = find(&mut tx, &may, id).await?;
    Ok(Marked(import.version, import))
}
