-- What the relay needs to find events, and to publish those of one record in order.

-- nexo:allow require-concurrent-index-creation because nothing has taken events away yet, and a write waits for a moment
-- nexo:allow scans-under-lock because it is built once, before there is a relay
create index ix_outbox_record on app.outbox (account_id, record_id, version);
-- A queue: its rows live for milliseconds, and whoever looks for the next one walks over those that are gone.
alter table app.outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Which accounts have events, and nothing else of them. One step of the index for each account.
create policy due on app.outbox for select to nexo_definer using (true);
grant select (account_id) on app.outbox to nexo_definer;
create function app.accounts_with_events(p_after uuid, p_most integer)
    returns table (account_id uuid)
    language sql stable security definer rows 10
    set search_path = pg_catalog, pg_temp
as $$
    with recursive due as (
        (select o.account_id from app.outbox o where o.account_id > p_after order by o.account_id limit 1)
        union all
        select (select o.account_id from app.outbox o where o.account_id > d.account_id order by o.account_id limit 1)
        from due d where d.account_id is not null
    )
    select d.account_id from due d where d.account_id is not null limit p_most
$$;
call ops.protect_lookup('app.accounts_with_events(uuid, integer)');
revoke execute on function app.accounts_with_events(uuid, integer) from nexo_auth;
grant execute on function app.accounts_with_events(uuid, integer) to nexo_relay;
