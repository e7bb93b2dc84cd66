-- How a session was opened, attempts by address, and the part of the history that tells who came in.

-- A session that an account's own identity provider has opened is good for that account alone.
alter table app.sessions
    add column via text not null default 'password';

-- Counts an attempt under each key, in the order of the keys so that two at once do not wait for each other. `p_free`
-- tells how many cost nothing; then each one more doubles the wait, from 5 seconds to 15 minutes. Gives back the longest
-- wait in seconds, or 0: go on.
create function app.count_attempts(p_keys bytea[], p_free integer[]) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    attempt record;
    found app.login_attempts;
    longest integer := 0;
begin
    -- What is long forgotten goes, faster than it can come: whoever types many names does not fill the disk.
    delete from app.login_attempts where key in (
        select key from app.login_attempts where last_at < clock_timestamp() - interval '1 hour'
        order by last_at limit 10 for update skip locked);
    for attempt in select k.key, k.free from unnest(p_keys, p_free) as k (key, free) order by k.key loop
        insert into app.login_attempts (key) values (attempt.key) on conflict do nothing;
        select * into strict found from app.login_attempts where key = attempt.key for update;
        if found.blocked_until > clock_timestamp() then
            longest := greatest(longest, ceil(extract(epoch from found.blocked_until - clock_timestamp()))::integer);
            continue;
        end if;
        if greatest(found.last_at, found.blocked_until) < clock_timestamp() - interval '15 minutes' then
            found.attempts := 0;
        end if;
        update app.login_attempts set
            attempts = found.attempts + 1,
            last_at = clock_timestamp(),
            blocked_until = case when found.attempts >= attempt.free - 1
                then clock_timestamp() + least(900, 5 * power(2, least(found.attempts - attempt.free + 1, 10))) * interval '1 second' end
        where key = attempt.key;
    end loop;
    return longest;
end
$$;
call ops.protect_lookup('app.count_attempts(bytea[], integer[])');

-- An attempt that was right: of its first key all is forgotten, of the others only itself, since others fail there.
create function app.forgive_attempts(p_keys bytea[]) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    update app.login_attempts set
        attempts = case when key = p_keys[1] then 0 else greatest(attempts - 1, 0) end,
        blocked_until = null
    where key = any (p_keys)
$$;
call ops.protect_lookup('app.forgive_attempts(bytea[])');

-- Until when an identifier has to wait; an administrator sees it of a member.
create function app.attempts_blocked_until(p_key bytea) returns timestamptz
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select blocked_until from app.login_attempts where key = p_key and blocked_until > clock_timestamp()
$$;
call ops.protect_lookup('app.attempts_blocked_until(bytea)');

-- Security events are rare among the changes of records.
-- nexo:allow require-concurrent-index-creation because partitions cannot be indexed concurrently through their parent
-- nexo:allow scans-under-lock because partitions cannot be indexed concurrently through their parent
create index ix_audit_log_security on app.audit_log (account_id, id desc)
    where resource in ('session', 'login', 'member', 'role', 'team', 'user', 'account', 'invitation', 'api_key', 'oidc_connection', 'factor');
