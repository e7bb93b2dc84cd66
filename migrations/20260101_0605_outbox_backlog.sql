-- How much waits in the outbox, and for how long: two numbers, and nothing else of it.

grant select (created_at) on app.outbox to nexo_definer;
-- It stops at so many, from the beginning of the file: when events wait, those are the oldest.
create function app.outbox_backlog()
    returns table (waiting integer, seconds double precision)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
    set synchronize_seqscans = off
as $$
    select count(*)::integer, coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::double precision
    from (select created_at from app.outbox limit 10000) o
$$;
call ops.protect_lookup('app.outbox_backlog()');
revoke execute on function app.outbox_backlog() from nexo_auth;
grant execute on function app.outbox_backlog() to nexo_relay;

-- For how long the key signs that signs access tokens.
create function app.signing_key_age()
    returns table (seconds double precision)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select extract(epoch from now() - coalesce(k.activated_at, k.created_at))::double precision
    from app.signing_keys k where k.state = 'current'
$$;
call ops.protect_lookup('app.signing_key_age()');
