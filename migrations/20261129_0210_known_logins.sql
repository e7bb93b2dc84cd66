-- Waits of an address hold back neither a person who has logged in from it within 30 days, nor what no login is; an operator sees
-- which addresses wait, and lifts them.

alter table app.login_attempts
    add column address text; -- of an address or network that was tried from; null: an e-mail, a person or a token

-- An e-mail and an address together, as a keyed hash: who logged in from where.
create table app.known_logins (
    key     bytea         not null primary key,
    last_at timestamptz   not null default clock_timestamp(),
    passed  timestamptz[] not null default '{}' -- the last ten attempts that passed a waiting address, the newest first
);
create index ix_known_logins_age on app.known_logins (last_at);
call ops.protect_global_table('app.known_logins');
grant delete on app.known_logins to nexo_definer;

-- Counts one attempt under one key: the seconds to wait, or 0. `p_free` cost nothing; then each one more doubles the wait.
create function app.count_attempt(p_key bytea, p_free integer, p_address text) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    found app.login_attempts;
begin
    insert into app.login_attempts (key, address) values (p_key, p_address) on conflict do nothing;
    select * into strict found from app.login_attempts where key = p_key for update;
    if found.blocked_until > clock_timestamp() then
        return ceil(extract(epoch from found.blocked_until - clock_timestamp()))::integer;
    end if;
    if greatest(found.last_at, found.blocked_until) < clock_timestamp() - interval '15 minutes' then
        found.attempts := 0;
    end if;
    update app.login_attempts set
        attempts = found.attempts + 1,
        last_at = clock_timestamp(),
        address = coalesce(p_address, address),
        blocked_until = case when found.attempts >= p_free - 1
            then clock_timestamp() + least(900, 5 * power(2, least(found.attempts - p_free + 1, 10))) * interval '1 second' end
    where key = p_key;
    return 0;
end
$$;
call ops.protect_lookup('app.count_attempt(bytea, integer, text)');

-- As before, one key after the other.
create or replace function app.count_attempts(p_keys bytea[], p_free integer[]) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    attempt record;
    longest integer := 0;
begin
    -- What is long forgotten goes, faster than it can come: whoever types many names does not fill the disk.
    delete from app.login_attempts where key in (
        select key from app.login_attempts where last_at < clock_timestamp() - interval '1 hour'
        order by last_at limit 10 for update skip locked);
    for attempt in select k.key, k.free from unnest(p_keys, p_free) as k (key, free) order by k.key loop
        longest := greatest(longest, app.count_attempt(attempt.key, attempt.free, null));
    end loop;
    return longest;
end
$$;

-- Whether an attempt may pass a waiting address: its e-mail and address belong together, and ten a minute do.
create function app.pass_waiting_address(p_pair bytea) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update app.known_logins set passed = (clock_timestamp() || passed)[1:10]
    where key = p_pair and last_at > clock_timestamp() - interval '30 days'
      and coalesce(passed[10] < clock_timestamp() - interval '1 minute', true);
    return found;
end
$$;
call ops.protect_lookup('app.pass_waiting_address(bytea)');

-- Counts an attempt to log in, under its address and then under its e-mail: what the address's wait refuses is not counted against
-- the e-mail. Gives back the seconds to wait; 0: go on; -1: go on, and the address was not counted, since the pair has passed its wait.
create function app.count_login_attempt(p_email bytea, p_address bytea, p_pair bytea, p_free integer[], p_network text) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    of_address integer;
    of_email integer;
begin
    delete from app.login_attempts where key in (
        select key from app.login_attempts where last_at < clock_timestamp() - interval '1 hour'
        order by last_at limit 10 for update skip locked);
    of_address := app.count_attempt(p_address, p_free[2], p_network);
    if of_address > 0 and not app.pass_waiting_address(p_pair) then
        return of_address;
    end if;
    of_email := app.count_attempt(p_email, p_free[1], null);
    return case when of_email > 0 then of_email when of_address > 0 then -1 else 0 end;
end
$$;
call ops.protect_lookup('app.count_login_attempt(bytea, bytea, bytea, integer[], text)');

-- An attempt that was right: the e-mail's count is forgotten, and of the address's this attempt, if it was counted (`p_address`
-- is not null). In the order in which they were counted, so that two at once do not wait for each other.
create function app.forgive_login_attempt(p_email bytea, p_address bytea, p_pair bytea) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    update app.login_attempts set attempts = greatest(attempts - 1, 0), blocked_until = null where key = p_address;
    update app.login_attempts set attempts = 0, blocked_until = null where key = p_email;
    delete from app.known_logins where key in (
        select key from app.known_logins where last_at < clock_timestamp() - interval '30 days'
        order by last_at limit 10 for update skip locked);
    insert into app.known_logins (key) select p_pair where p_pair is not null
        on conflict (key) do update set last_at = clock_timestamp();
$$;
call ops.protect_lookup('app.forgive_login_attempt(bytea, bytea, bytea)');
