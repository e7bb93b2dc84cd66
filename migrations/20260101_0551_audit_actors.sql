-- What one person did in an account, newest first.

-- nexo:allow require-concurrent-index-creation because partitions cannot be indexed concurrently through their parent
-- nexo:allow scans-under-lock because partitions cannot be indexed concurrently through their parent
create index ix_audit_log_actor on app.audit_log (account_id, created_by, id desc);
