//! Guard: checks after each statement that role, settings, transaction and lock are unchanged. Hidden changes
//! (`set_config('role', …)`, an advisory unlock in a `do` block) would alter the meaning of the rest of the file.

use sqlx::{FromRow, PgConnection};

use crate::advisory_locks::{BACKUP_LOCK, MIGRATION_LOCK};

/// Session state that a statement must not change.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct SessionState {
    pid: i32,
    role: String,
    login: String,
    search_path: String,
    lock_timeout: String,
    statement_timeout: String,
    client_check: String,
    row_security: String,
    replication_role: String,
    read_only: String,
    locks: i64,
    /// Start of the transaction; without one, the time of the query.
    began: String,
}

/// Reads the current session state.
pub(crate) async fn look(conn: &mut PgConnection) -> Result<SessionState, sqlx::Error> {
    sqlx::query_as(
        "select pg_catalog.pg_backend_pid() as pid, current_user::text as role, session_user::text as login,
                pg_catalog.current_setting('search_path') as search_path,
                pg_catalog.current_setting('lock_timeout') as lock_timeout,
                pg_catalog.current_setting('statement_timeout') as statement_timeout,
                pg_catalog.current_setting('client_connection_check_interval') as client_check,
                pg_catalog.current_setting('row_security') as row_security,
                pg_catalog.current_setting('session_replication_role') as replication_role,
                pg_catalog.current_setting('transaction_read_only') as read_only,
                (select pg_catalog.count(*) from pg_catalog.pg_locks
                 where locktype = 'advisory' and granted and objsubid = 1 and mode = 'ExclusiveLock'
                   and pid = pg_catalog.pg_backend_pid()
                   and (classid::bigint << 32) | objid::bigint in ($1, $2)) as locks,
                pg_catalog.transaction_timestamp()::text as began",
    )
    .bind(MIGRATION_LOCK)
    .bind(BACKUP_LOCK)
    .persistent(false)
    .fetch_one(conn)
    .await
}

impl SessionState {
    /// Name of the first difference to a later state; `inside` if both were read in one transaction.
    pub(crate) fn changed(&self, now: &Self, inside: bool) -> Option<&'static str> {
        let pairs = [
            ("connection", self.pid == now.pid),
            ("role", self.role == now.role && self.login == now.login),
            ("search_path", self.search_path == now.search_path),
            ("lock_timeout", self.lock_timeout == now.lock_timeout),
            ("statement_timeout", self.statement_timeout == now.statement_timeout),
            ("client_connection_check_interval", self.client_check == now.client_check),
            ("row_security", self.row_security == now.row_security),
            ("session_replication_role", self.replication_role == now.replication_role),
            ("transaction_read_only", self.read_only == now.read_only),
            ("lock", self.locks == now.locks && now.locks == 2),
            ("transaction", (self.began == now.began) == inside),
        ];
        pairs.into_iter().find_map(|(name, same)| (!same).then_some(name))
    }
}
