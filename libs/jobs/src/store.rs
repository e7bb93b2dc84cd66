//! Storage of jobs and leases. Expiry uses the database's clock, which all processes share.

use std::time::Duration;

use db::{Db, FromRow, LookupFunction, Reason, TenantCommand, TenantQuery, TenantTx};
use identity::{Permissions, Principal};
use kernel::{AccountId, UserId};
use serde_json::Value;
use uuid::Uuid;

/// A job to be started by a user.
pub struct NewJob<'j> {
    /// Kind of the job, which selects its implementation.
    pub kind: &'static str,
    /// Id of the record that the job works on.
    pub subject: Uuid,
    /// User whose rights the job has, limited by their token.
    pub who: &'j Principal,
    /// Initial state of the job.
    pub state: Value,
    /// Total amount of work.
    pub total: i64,
    /// Amount of work already done.
    pub done: i64,
}

/// A due job of any account.
#[derive(Debug, FromRow)]
pub(crate) struct DueJob {
    account_id: AccountId,
    id: Uuid,
    request_id: Uuid,
    created_by: UserId,
}

/// A job whose lease is held by this worker.
#[derive(Debug, FromRow)]
pub(crate) struct LeasedJob {
    pub(crate) account_id: AccountId,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) subject_id: Uuid,
    pub(crate) state: Value,
    pub(crate) attempts: i32,
    pub(crate) created_by: UserId,
    pub(crate) request_id: Uuid,
    pub(crate) key_id: Option<Uuid>,
    permissions: Vec<String>,
    hidden_fields: Vec<String>,
}

impl LeasedJob {
    /// Permissions of the token that started the job.
    pub(crate) fn bounds(&self) -> Permissions {
        Permissions::new(&self.permissions).hiding(self.hidden_fields.iter().cloned())
    }
}

const ADD: TenantCommand = TenantCommand::new(
    "insert into app.jobs (account_id, id, kind, subject_id, state, total, done, permissions, hidden_fields, key_id, request_id, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const DUE: LookupFunction =
    LookupFunction::new("select account_id, id, request_id, created_by from app.due_job($1)");
const TAKE: TenantCommand = TenantCommand::new(
    "update app.jobs set claimed_by = $3, claimed_until = now() + $4 * interval '1 second', attempts = attempts + 1, served_at = now()
     where account_id = $1 and id = (
         select id from app.jobs where account_id = $1 and id = $2 and status = 'due' and due_at <= now()
             and (claimed_until is null or claimed_until < now()) for update skip locked
     )
     returning account_id, id, kind, subject_id, state, attempts, created_by, request_id, key_id, permissions, hidden_fields",
);
const STANDS: TenantQuery = TenantQuery::new(
    "select true from app.sessions where account_id = $1 and id = $2 and revoked_at is null and expires_at > now()",
);

/// Adds a job within the transaction; returns its id.
pub async fn add(tx: &mut TenantTx, new: NewJob<'_>) -> db::Result<Uuid> {
    let (id, who) = (Uuid::now_v7(), new.who);
    let key = who.is_key().then(|| Uuid::from(who.session()));
    let statement = tx.execute_untracked::<()>(ADD).bind(id).bind(new.kind).bind(new.subject).bind(new.state);
    let statement = statement.bind(new.total).bind(new.done);
    let statement = statement.bind(who.permissions().to_texts()).bind(who.permissions().hidden().to_vec());
    statement.bind(key).bind(who.request()).bind(who.user()).run().await?;
    Ok(id)
}

/// Returns a candidate job of one of these kinds that is due; it may be leased by another worker meanwhile.
#[expect(
    clippy::disallowed_methods,
    reason = "which accounts have jobs that are due is asked from outside of all of them"
)]
pub(crate) async fn due(db: &Db, kinds: Vec<&'static str>) -> db::Result<Option<DueJob>> {
    let mut tx = db.begin_unscoped(Reason::Jobs).await?;
    tx.ask(DUE, |row| row.bind(kinds)).await
}

/// Leases the job, unless another worker leased it first.
#[expect(clippy::disallowed_methods, reason = "a job names its account itself")]
pub(crate) async fn take(db: &Db, due: &DueJob, me: Uuid, lease: Duration) -> db::Result<Option<LeasedJob>> {
    let mut tx = db.begin_as(Reason::Jobs, due.account_id, due.created_by, due.request_id).await?;
    let job = tx
        .execute_untracked::<LeasedJob>(TAKE)
        .bind(due.id)
        .bind(me)
        .bind(lease.as_secs_f64())
        .optional()
        .await?;
    tx.commit().await?;
    Ok(job)
}

/// Permissions of the job's user, limited to those at its start. `None` if they are no longer a member, or their API
/// key was revoked.
pub(crate) async fn rights(tx: &mut TenantTx, job: &LeasedJob) -> db::Result<Option<Permissions>> {
    if let Some(key) = job.key_id
        && tx.read::<(bool,)>(STANDS).bind(key).optional().await?.is_none()
    {
        return Ok(None);
    }
    Ok(tx.rights_of(job.created_by).await?.map(|rights| rights.within(&job.bounds())))
}
