-- An attempt that has to wait is refused without a write: a lock of the row would be logged and flushed, for each guess of a flood.

create or replace function app.count_attempt(p_key bytea, p_free integer, p_address text) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    found app.login_attempts;
begin
    select * into found from app.login_attempts where key = p_key;
    if found.blocked_until > clock_timestamp() then
        return ceil(extract(epoch from found.blocked_until - clock_timestamp()))::integer;
    end if;
    insert into app.login_attempts (key, address) values (p_key, p_address) on conflict do nothing;
    select * into strict found from app.login_attempts where key = p_key for update;
    if found.blocked_until > clock_timestamp() then -- since an attempt at the same time
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

-- Whether the e-mail and the address of this pair have logged in together within 30 days.
create function app.is_known_login(p_pair bytea) returns boolean
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select exists (select from app.known_logins where key = p_pair and last_at > clock_timestamp() - interval '30 days')
$$;
call ops.protect_lookup('app.is_known_login(bytea)');

-- As before, but what is long forgotten goes with an attempt that counts only; and -2: go on, and the pair is known.
create or replace function app.count_login_attempt(p_email bytea, p_address bytea, p_pair bytea, p_free integer[], p_network text) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    of_address integer;
    of_email integer;
begin
    select ceil(extract(epoch from blocked_until - clock_timestamp()))::integer into of_email
    from app.login_attempts where key = p_email and blocked_until > clock_timestamp();
    if of_email > 0 then
        return of_email;
    end if;
    of_address := app.count_attempt(p_address, p_free[2], p_network);
    if of_address > 0 and not app.pass_waiting_address(p_pair) then
        return of_address;
    end if;
    delete from app.login_attempts where key in (
        select key from app.login_attempts where last_at < clock_timestamp() - interval '1 hour'
        order by last_at limit 10 for update skip locked);
    of_email := app.count_attempt(p_email, p_free[1], null);
    return case when of_email > 0 then of_email when of_address > 0 then -1 when app.is_known_login(p_pair) then -2 else 0 end;
end
$$;
