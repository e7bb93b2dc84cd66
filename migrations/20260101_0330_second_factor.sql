-- A person's second factor: a secret that their authenticator app shares with us, and codes for whoever has lost theirs.

create table app.user_factors (
    user_id      uuid        not null primary key constraint fk_user_factors_user references app.users (id),
    secret       bytea       not null,                -- sealed with a key that only the auth-service has
    begun_at     timestamptz not null default now(),
    confirmed_at timestamptz,                         -- null: nobody has shown yet that an app has it
    last_step    bigint      not null default 0       -- whose code was taken: only those of later steps are good
);
call ops.protect_global_table('app.user_factors');
grant delete on app.user_factors to nexo_definer;

create table app.recovery_codes (
    user_id   uuid  not null constraint fk_recovery_codes_factor references app.user_factors (user_id),
    code_hash bytea not null, -- keyed, with a key that only the auth-service has
    used_at   timestamptz,
    primary key (user_id, code_hash)
);
call ops.protect_global_table('app.recovery_codes');
grant delete on app.recovery_codes to nexo_definer;

-- Everything below is about the person whom the transaction was entered for, and about nobody else.

-- The one they have, or have begun to add within the hour.
create function app.my_factor()
    returns table (secret bytea, confirmed_at timestamptz, codes_left integer)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select f.secret, f.confirmed_at,
           (select count(*)::integer from app.recovery_codes c where c.user_id = f.user_id and c.used_at is null)
    from app.user_factors f
    where f.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
      and (f.confirmed_at is not null or f.begun_at > now() - interval '1 hour')
$$;
call ops.protect_lookup('app.my_factor()');

-- In place of one that was begun and not confirmed; false: there is a confirmed one.
create function app.begin_factor(p_secret bytea) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.user_factors as f (user_id, secret)
    values (nullif(current_setting('app.current_user_id', true), '')::uuid, p_secret)
        on conflict (user_id) do update set secret = excluded.secret, begun_at = now(), last_step = 0
        where f.confirmed_at is null;
    return found;
end
$$;
call ops.protect_lookup('app.begin_factor(bytea)');

-- The secret is the one that the code was held against: whoever has begun anew meanwhile confirms the new one.
create function app.confirm_factor(p_secret bytea, p_step bigint, p_codes bytea[]) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid := nullif(current_setting('app.current_user_id', true), '')::uuid;
begin
    update app.user_factors set confirmed_at = now(), last_step = p_step
    where user_id = person and secret = p_secret and confirmed_at is null;
    if not found then
        return false;
    end if;
    insert into app.recovery_codes (user_id, code_hash) select person, unnest(p_codes);
    return true;
end
$$;
call ops.protect_lookup('app.confirm_factor(bytea, bigint, bytea[])');

-- A code is good once, and so is each of its step: of two that come at once, the second finds the step taken.
create function app.take_factor_step(p_secret bytea, p_step bigint) returns boolean
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    with taken as (
        update app.user_factors set last_step = p_step
        where user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
          and secret = p_secret and confirmed_at is not null and last_step < p_step
        returning 1
    )
    select exists (select from taken)
$$;
call ops.protect_lookup('app.take_factor_step(bytea, bigint)');

create function app.take_recovery_code(p_code bytea) returns boolean
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    with taken as (
        update app.recovery_codes set used_at = now()
        where user_id = nullif(current_setting('app.current_user_id', true), '')::uuid and code_hash = p_code and used_at is null
        returning 1
    )
    select exists (select from taken)
$$;
call ops.protect_lookup('app.take_recovery_code(bytea)');

-- False: there is no factor that they could stand in for.
create function app.replace_recovery_codes(p_codes bytea[]) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid := nullif(current_setting('app.current_user_id', true), '')::uuid;
begin
    -- One after the other: two at once would leave twice as many.
    perform from app.user_factors where user_id = person and confirmed_at is not null for update;
    if not found then
        return false;
    end if;
    delete from app.recovery_codes where user_id = person;
    insert into app.recovery_codes (user_id, code_hash) select person, unnest(p_codes);
    return true;
end
$$;
call ops.protect_lookup('app.replace_recovery_codes(bytea[])');

create function app.remove_factor() returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid := nullif(current_setting('app.current_user_id', true), '')::uuid;
begin
    perform from app.user_factors where user_id = person and confirmed_at is not null for update;
    if not found then
        return false;
    end if;
    delete from app.recovery_codes where user_id = person;
    delete from app.user_factors where user_id = person;
    return true;
end
$$;
call ops.protect_lookup('app.remove_factor()');

-- Whether the account that the transaction is in asks for a factor that the person does not have.
grant select (require_second_factor) on app.accounts to nexo_definer;

create function app.second_factor_missing() returns boolean
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from app.accounts a
        where a.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid and a.require_second_factor
          and not exists (select from app.user_factors f where f.confirmed_at is not null
                            and f.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid))
$$;
call ops.protect_lookup('app.second_factor_missing()');
