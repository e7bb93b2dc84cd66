use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use identity::{Permissions, Principal, Secret};
use kernel::{AccountId, UserId};
use revocation::{Ended, Revocations};
use sqlx::{AssertSqlSafe, FromRow, SqlSafeStr as _, SqlStr, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Change, Resource, Result, Row, Scoped, ScopedWrite, Sql, Wake, Write, change,
    open_tx::{Access, OpenTx},
    pool::Pool,
    reach::Reach,
    share::{Cost, FilePlace, Share, Shares},
};

/// The way to the database. Nothing comes through it before somebody is named.
#[derive(Clone)]
pub struct Db {
    pub(crate) pool: Pool,
    pub(crate) shares: Arc<Shares>,
    pub(crate) cursors: Arc<hmac::Key>,
    pub(crate) listeners: Arc<Listeners>,
}

/// Whoever is told of what was committed here.
#[derive(Default)]
pub(crate) struct Listeners {
    wake: Wake,
    revocations: Revocations,
}

/// What the key is for that seals cursors.
pub(crate) const CURSORS: &str = "cursors";

impl Db {
    /// The same database, whose cursors are good with every replica that has this secret. Without it they are good with
    /// this process alone.
    #[must_use]
    pub fn sealing_cursors_with(self, secret: &Secret) -> Self {
        Self { cursors: Arc::new(secret.key_for(CURSORS)), ..self }
    }

    /// The same database, which tells `wake` of every event that it has committed.
    #[must_use]
    pub fn waking(self, wake: &Wake) -> Self {
        let revocations = self.listeners.revocations.clone();
        Self { listeners: Arc::new(Listeners { wake: wake.clone(), revocations }), ..self }
    }

    /// The same database, which tells `revocations` of every session that has ended.
    #[must_use]
    pub fn telling(self, revocations: &Revocations) -> Self {
        let (wake, revocations) = (self.listeners.wake.clone(), revocations.clone());
        Self { listeners: Arc::new(Listeners { wake, revocations }), ..self }
    }

    /// Starts a transaction that sees and changes the rows of one account: that of `who`. Begin and account travel in
    /// one message, so that no statement can run between them.
    pub async fn begin(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, Access::Write, Cost::Usual, ADMIT_WRITE).await
    }

    /// The same, for what somebody may do in maintenance as well: to show who they are, and to end sessions of theirs.
    pub async fn begin_in_maintenance(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, Access::Write, Cost::Usual, ADMIT).await
    }

    /// Starts a transaction that only sees the rows of the account of `who`.
    pub async fn begin_reading(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, Access::Read, Cost::Usual, ADMIT).await
    }

    /// The same, for what reads texts record by record: few of these run at a time, of one account and of all.
    pub async fn begin_costly(&self, who: &Principal) -> Result<TenantTx> {
        self.enter(who, Access::Read, Cost::High, ADMIT).await
    }

    /// A place for a file that goes out page by page: one account has few of them at a time.
    pub fn file(&self, who: &Principal) -> Result<FilePlace> {
        self.shares.file(who.account())
    }

    /// Whether the session of `who` stands, and their rights are still those of their token: [`Error::Ended`] if not.
    pub async fn admit(&self, who: &Principal) -> Result<()> {
        self.begin_reading(who).await.map(drop)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        OpenTx::begin(&self.pool, Access::Read, "select 1").await.map(drop)
    }

    async fn enter(
        &self,
        who: &Principal,
        access: Access,
        cost: Cost,
        admission: &'static str,
    ) -> Result<TenantTx> {
        let share = self.shares.take(who.account(), cost).await?;
        let inside = Inside { account: who.account(), user: who.user(), request: who.request() };
        let opening = format!("{}; {}", inside.settings(), admit(admission, who));
        let conn = OpenTx::begin(&self.pool, access, &opening).await?;
        let reach = Reach::Of { permissions: who.permissions().clone(), acting: None };
        let tx = TenantTx::new(conn, inside, Arc::clone(&self.cursors), Arc::clone(&self.listeners), reach);
        Ok(TenantTx { _share: Some(share), ..tx })
    }
}

/// What opens transactions, prepared once on each connection: it is part of every one, and would be planned anew each time.
///
/// `admit` asks whether a session still stands, and its rights are those that the token was issued for, and fails with
/// [`ENDED`] if not. `admit_write` asks as well whether anybody may write at this moment, and fails with [`MAINTENANCE`] if
/// not; `admit_write_of_nobody` asks that alone.
pub(crate) const PREPARE: &str = "
    prepare admit (uuid, uuid, integer) as select app.refuse_session() where not exists (
        select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now());
    prepare admit_write (uuid, uuid, integer) as select app.refuse_session() where not exists (
        select from app.sessions where account_id = $1 and id = $2 and epoch = $3 and revoked_at is null and expires_at > now())
        union all select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now();
    prepare admit_write_of_nobody as select app.refuse_write(m.reason, m.until) from ops.maintenance m where m.until > now()";
/// The SQLSTATE of a session that has ended.
pub(crate) const ENDED: &str = "NX401";
/// The SQLSTATE of a write in maintenance: the message is its reason, the detail how many seconds are left of it.
pub(crate) const MAINTENANCE: &str = "NX503";
const ADMIT: &str = "admit";
const ADMIT_WRITE: &str = "admit_write";

fn admit(statement: &'static str, who: &Principal) -> String {
    format!("execute {statement} ('{}', '{}', {})", who.account(), who.session(), who.epoch())
}

/// Whose transaction it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
    pub(crate) request: Uuid,
}

impl Inside {
    /// What a transaction begins with: the settings of `app.enter`, as statements that need no plan. A call of the
    /// function would be parsed and planned anew each time, which costs as much as the rest of a small request.
    pub(crate) fn settings(&self) -> String {
        let Self { account, user, request } = self;
        format!(
            "set local app.current_account_id = '{account}'; set local app.current_user_id = '{user}'; \
             set local app.current_request_id = '{request}'"
        )
    }
}

/// A part of a transaction, to be kept or undone.
#[must_use = "a part is kept or undone"]
pub(crate) struct Part {
    /// How many changes were noted before it.
    noted: usize,
    /// How many sessions were ended before it.
    ended: usize,
}

/// A transaction confined to one account. Dropped without [`commit`](Self::commit), it changes nothing.
#[must_use = "a transaction that is not committed changes nothing"]
pub struct TenantTx {
    pub(crate) conn: OpenTx,
    pub(crate) inside: Inside,
    pub(crate) cursors: Arc<hmac::Key>,
    pub(crate) reach: Reach,
    changes: Vec<Change>,
    /// The records that the answer shows, beyond identity and version.
    pub(crate) answered: Vec<Uuid>,
    pub(crate) ended: Vec<Ended>,
    listeners: Arc<Listeners>,
    /// Given back with the connection.
    _share: Option<Share>,
}

impl TenantTx {
    pub(crate) fn new(
        conn: OpenTx,
        inside: Inside,
        cursors: Arc<hmac::Key>,
        listeners: Arc<Listeners>,
        reach: Reach,
    ) -> Self {
        Self {
            conn,
            inside,
            cursors,
            reach,
            changes: Vec::new(),
            answered: Vec::new(),
            ended: Vec::new(),
            listeners,
            _share: None,
        }
    }

    /// The same transaction, for a request that does `action` to records of `resource`: it reaches as far among them as
    /// that permission does. Other records are reached as far as they may be read.
    pub fn acting(mut self, resource: &'static str, action: &'static str) -> Self {
        if let Reach::Of { acting, .. } = &mut self.reach {
            *acting = Some((resource, action));
        }
        self
    }

    /// The same transaction, for somebody who may do no more than this: one that was begun without a principal.
    pub fn within(mut self, permissions: Permissions) -> Self {
        self.reach = Reach::Of { permissions, acting: None };
        self
    }

    /// A statement that reads.
    pub fn read<T: for<'r> FromRow<'r, PgRow> + Send + Unpin>(&mut self, text: Scoped) -> Sql<'_, T> {
        self.statement(text.0.into_sql_str())
    }

    /// A statement that changes records and returns them; their history is kept.
    pub fn write<R: Resource>(&mut self, text: ScopedWrite) -> Write<'_, R> {
        Write(self.statement(text.0.into_sql_str()))
    }

    /// A statement that changes something else than records, and what is noted of it.
    pub fn write_noted<T>(&mut self, text: ScopedWrite, change: Change) -> Sql<'_, T> {
        self.note(change);
        self.statement(text.0.into_sql_str())
    }

    /// A statement that changes what has no history: counters and stamps, part of a change that was noted.
    pub fn write_unnoted<T>(&mut self, text: ScopedWrite) -> Sql<'_, T> {
        self.statement(text.0.into_sql_str())
    }

    /// A call of a function that knows by itself whose transaction this is.
    pub fn look_up<T: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &mut self,
        text: crate::LookUp,
    ) -> Sql<'_, T> {
        Sql::new(self, text.0.into_sql_str(), Row::default())
    }

    /// Goes on for another person of the same account: one whom the transaction itself has found.
    pub async fn act_for(&mut self, user: UserId) -> Result<()> {
        let inside = Inside { user, ..self.inside };
        self.conn.enter(inside).await?;
        self.inside = inside;
        Ok(())
    }

    /// Keeps what was done, with its history and events.
    pub async fn commit(mut self) -> Result<()> {
        self.conn.committable()?;
        let changes = std::mem::take(&mut self.changes);
        let has_events = !changes.is_empty();
        change::keep(&mut self, changes).await?;
        self.conn.commit().await?;
        if has_events {
            self.listeners.wake.tell(self.inside.account);
        }
        if !self.ended.is_empty() {
            self.listeners.revocations.tell(&self.ended);
        }
        Ok(())
    }

    /// Notes something that happened and changed no row.
    pub fn note(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Starts a part of the transaction that can be undone alone.
    pub(crate) async fn begin_part(&mut self) -> Result<Part> {
        self.conn.begin_part().await?;
        Ok(Part { noted: self.changes.len(), ended: self.ended.len() })
    }

    /// The same, whose statements may take so long.
    pub(crate) async fn begin_part_within(&mut self, time: Duration) -> Result<Part> {
        self.conn.begin_part_within(time).await?;
        Ok(Part { noted: self.changes.len(), ended: self.ended.len() })
    }

    /// Keeps the part; the statements after it may take so long.
    pub(crate) async fn keep_part_within(&mut self, _: Part, time: Duration) -> Result<()> {
        self.conn.keep_part_within(time).await
    }

    /// From here on a statement may take so long.
    pub(crate) async fn wait(&mut self, time: Duration) -> Result<()> {
        self.conn.wait(time).await
    }

    /// From here on a statement may take as long as its role's may.
    pub(crate) async fn wait_as_usual(&mut self) -> Result<()> {
        self.conn.wait_as_usual().await
    }

    /// Keeps the part, which is the last that was begun.
    pub(crate) async fn keep_part(&mut self, _: Part) -> Result<()> {
        self.conn.keep_part().await
    }

    /// Undoes the part, which is the last that was begun, and forgets what was noted in it.
    pub(crate) async fn undo_part(&mut self, part: Part) -> Result<()> {
        self.conn.undo_part().await?;
        self.changes.truncate(part.noted);
        self.ended.truncate(part.ended);
        Ok(())
    }

    /// A statement put together from `&'static str` names, by the functions of `keep` and `list` alone.
    pub(crate) fn built<T>(&mut self, text: String) -> Sql<'_, T> {
        self.statement(AssertSqlSafe(text).into_sql_str())
    }

    pub(crate) fn statement<T>(&mut self, text: SqlStr) -> Sql<'_, T> {
        let mut row = Row::default();
        row.put(self.inside.account);
        Sql::new(self, text, row)
    }
}
