-- Each row's link is the SHA-256 of its content behind the link before it, so that no row can be changed, put in or
-- taken out unnoticed. `backfill` is left out: it moves with every batch.
with recursive rows as (
    select row_number() over (order by version) as n, version, link,
           jsonb_build_array(version, name, description, checksum, state, statement, without_transaction,
               extract(epoch from applied_at)::text, execution_ms, error_message, applied_by, app_version,
               min_app, backup, actor, because)::text as content
    from ops.migration_history
), chain (n, version, link, computed) as (
    select n, version, link, encode(sha256(convert_to(content, 'UTF8')), 'hex') from rows where n = 1
    union all
    select r.n, r.version, r.link, encode(sha256(convert_to(c.computed || r.content, 'UTF8')), 'hex')
    from rows r join chain c on r.n = c.n + 1
)
