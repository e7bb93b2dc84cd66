//! Who works at which job, and until when: by the clock of the database, which is the same for all.

use std::time::Duration;

use db::{Db, LookUp, Reason, Scoped, ScopedWrite, TenantTx};
use identity::{Permissions, Principal};
use kernel::{AccountId, UserId};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{imports, rights::rights_of};

/// A job that somebody starts.
pub(crate) struct NewJob<'j> {
    /// What is done.
    pub(crate) kind: &'static str,
    /// What it is done to.
    pub(crate) subject: Uuid,
    /// Who wants it done: it has their rights, and none that their token lacks.
    pub(crate) who: &'j Principal,
    /// Where it begins.
    pub(crate) state: Value,
    /// How far there is to go, and how much of that is done.
    pub(crate) total: i64,
    pub(crate) done: i64,
}

/// A job that is due, of whichever account.
#[derive(Debug, FromRow)]
pub(super) struct Due {
    account_id: AccountId,
    id: Uuid,
    request_id: Uuid,
    created_by: UserId,
}

/// A job that somebody holds.
#[derive(Debug, FromRow)]
pub(crate) struct Job {
    pub(crate) account_id: AccountId,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) subject_id: Uuid,
    pub(crate) state: Value,
    pub(super) attempts: i32,
    pub(super) created_by: UserId,
    pub(super) request_id: Uuid,
    pub(super) key_id: Option<Uuid>,
    permissions: Vec<String>,
    hidden_fields: Vec<String>,
}

impl Job {
    /// What the token allowed that started it.
    pub(super) fn bounds(&self) -> Permissions {
        Permissions::new(&self.permissions).hiding(self.hidden_fields.iter().cloned())
    }
}

const ADD: ScopedWrite = ScopedWrite::new(
    "insert into app.jobs (account_id, id, kind, subject_id, state, total, done, permissions, hidden_fields, key_id, request_id, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const DUE: LookUp = LookUp::new("select account_id, id, request_id, created_by from app.due_job($1)");
const TAKE: ScopedWrite = ScopedWrite::new(
    "update app.jobs set claimed_by = $3, claimed_until = now() + $4 * interval '1 second', attempts = attempts + 1, served_at = now()
     where account_id = $1 and id = (
         select id from app.jobs where account_id = $1 and id = $2 and status = 'due' and due_at <= now()
             and (claimed_until is null or claimed_until < now()) for update skip locked
     )
     returning account_id, id, kind, subject_id, state, attempts, created_by, request_id, key_id, permissions, hidden_fields",
);
const STANDS: Scoped = Scoped::new(
    "select true from app.sessions where account_id = $1 and id = $2 and revoked_at is null and expires_at > now()",
);

pub(super) async fn add(tx: &mut TenantTx, new: NewJob<'_>) -> db::Result<Uuid> {
    let (id, who) = (Uuid::now_v7(), new.who);
    let key = who.is_key().then(|| Uuid::from(who.session()));
    let statement = tx.write_unnoted::<()>(ADD).bind(id).bind(new.kind).bind(new.subject).bind(new.state);
    let statement = statement.bind(new.total).bind(new.done);
    let statement = statement.bind(who.permissions().to_texts()).bind(who.permissions().hidden().to_vec());
    statement.bind(key).bind(who.request()).bind(who.user()).run().await?;
    Ok(id)
}

/// One that is due, perhaps.
#[expect(
    clippy::disallowed_methods,
    reason = "which accounts have jobs that are due is asked from outside of all of them"
)]
pub(super) async fn due(db: &Db) -> db::Result<Option<Due>> {
    let mut tx = db.system(Reason::Jobs).await?;
    tx.ask(DUE, |row| row.put(imports::JOBS)).await
}

/// Takes it, unless somebody was faster.
#[expect(clippy::disallowed_methods, reason = "a job names its account itself")]
pub(super) async fn take(db: &Db, due: &Due, me: Uuid, lease: Duration) -> db::Result<Option<Job>> {
    let mut tx = db.system_inside(Reason::Jobs, due.account_id, due.created_by, due.request_id).await?;
    let job =
        tx.write_unnoted::<Job>(TAKE).bind(due.id).bind(me).bind(lease.as_secs_f64()).optional().await?;
    tx.commit().await?;
    Ok(job)
}

/// What the person of a job may do now, and could when they started it; `None`: they are no member, or their key has ended.
pub(super) async fn rights(tx: &mut TenantTx, job: &Job) -> db::Result<Option<Permissions>> {
    if let Some(key) = job.key_id
        && tx.read::<(bool,)>(STANDS).bind(key).optional().await?.is_none()
    {
        return Ok(None);
    }
    Ok(rights_of(tx, job.created_by).await?.map(|rights| rights.within(&job.bounds())))
}
