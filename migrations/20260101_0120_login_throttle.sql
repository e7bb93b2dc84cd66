-- How often somebody has tried to log in, by a keyed hash of what they typed: known or not, nobody can tell.

create table app.login_attempts (
    key           bytea       not null primary key,
    attempts      integer     not null default 0,
    last_at       timestamptz not null default clock_timestamp(),
    blocked_until timestamptz
);
create index ix_login_attempts_age on app.login_attempts (last_at);
call ops.protect_global_table('app.login_attempts');
grant delete on app.login_attempts to nexo_definer;

-- Counts an attempt before its password is looked at, so that many at once count as many. Gives back the seconds to
-- wait, or 0: go on. The first five are free; then each one more doubles the wait, from 5 seconds to 15 minutes. After
-- 15 quiet minutes all is forgotten.
create function app.count_login(p_key bytea) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    found app.login_attempts;
begin
    -- What is long forgotten goes, faster than it can come: whoever types many names does not fill the disk.
    delete from app.login_attempts where key in (
        select key from app.login_attempts where last_at < clock_timestamp() - interval '1 hour'
        order by last_at limit 10 for update skip locked);
    insert into app.login_attempts (key) values (p_key) on conflict do nothing;
    select * into strict found from app.login_attempts where key = p_key for update;
    if found.blocked_until > clock_timestamp() then
        return ceil(extract(epoch from found.blocked_until - clock_timestamp()));
    end if;
    if greatest(found.last_at, found.blocked_until) < clock_timestamp() - interval '15 minutes' then
        found.attempts := 0;
    end if;
    update app.login_attempts set
        attempts = found.attempts + 1,
        last_at = clock_timestamp(),
        blocked_until = case when found.attempts >= 4
            then clock_timestamp() + least(900, 5 * power(2, least(found.attempts - 4, 10))) * interval '1 second' end
    where key = p_key;
    return 0;
end
$$;
call ops.protect_lookup('app.count_login(bytea)');

create function app.forgive_login(p_key bytea) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    update app.login_attempts set attempts = 0, blocked_until = null where key = p_key
$$;
call ops.protect_lookup('app.forgive_login(bytea)');
