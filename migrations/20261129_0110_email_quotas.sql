-- E-mails to strangers are counted by sender: by account, by person, and by the address that free accounts were opened from.

alter table app.account_directory
    add column opened_from bytea; -- keyed hash of the address; null: opened by an operator, or before this migration

-- nexo:allow scans-under-lock because there is one row for each plan
alter table app.plan_limits
    add column emails_per_hour integer not null default 30
        constraint ck_plan_limits_emails check (emails_per_hour between 1 and 1000000); -- per day four times as many
update app.plan_limits set emails_per_hour = 200 where plan = 'starter';
update app.plan_limits set emails_per_hour = 1000 where plan = 'pro';
update app.plan_limits set emails_per_hour = 5000 where plan = 'enterprise';

create table app.email_quotas (
    key        bytea       not null primary key,
    hour_began timestamptz not null default clock_timestamp(),
    in_hour    integer     not null default 0,
    day_began  timestamptz not null default clock_timestamp(),
    in_day     integer     not null default 0
);
create index ix_email_quotas_age on app.email_quotas (day_began);
call ops.protect_global_table('app.email_quotas');
grant delete on app.email_quotas to nexo_definer;

-- Takes one from each quota (so many per hour, four times as many per day), or none at all. Returns the seconds to wait, or 0
-- if taken. Keys are locked in their order, and old rows are deleted last, so that two transactions do not deadlock.
create function app.take_from_quotas(p_keys bytea[], p_hourly integer[]) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    quota record;
    found app.email_quotas;
    longest integer := 0;
    moment constant timestamptz := clock_timestamp();
begin
    for quota in select k.key, k.hourly from unnest(p_keys, p_hourly) as k (key, hourly) order by k.key loop
        insert into app.email_quotas (key) values (quota.key) on conflict do nothing;
        select * into strict found from app.email_quotas where key = quota.key for update;
        if found.hour_began <= moment - interval '1 hour' then
            found.hour_began := moment;
            found.in_hour := 0;
        end if;
        if found.day_began <= moment - interval '1 day' then
            found.day_began := moment;
            found.in_day := 0;
        end if;
        if found.in_hour >= quota.hourly then
            longest := greatest(longest, 1, ceil(extract(epoch from found.hour_began + interval '1 hour' - moment))::integer);
        end if;
        if found.in_day >= 4 * quota.hourly then
            longest := greatest(longest, 1, ceil(extract(epoch from found.day_began + interval '1 day' - moment))::integer);
        end if;
        update app.email_quotas set hour_began = found.hour_began, in_hour = found.in_hour,
            day_began = found.day_began, in_day = found.in_day
        where key = quota.key;
    end loop;
    if longest = 0 then
        update app.email_quotas set in_hour = in_hour + 1, in_day = in_day + 1 where key = any (p_keys);
    end if;
    delete from app.email_quotas where key in (
        select key from app.email_quotas where day_began < moment - interval '2 days'
        order by day_began limit 10 for update skip locked);
    return longest;
end
$$;
call ops.protect_lookup('app.take_from_quotas(bytea[], integer[])');
revoke execute on function app.take_from_quotas(bytea[], integer[]) from nexo_auth; -- called by the two below, as their owner

-- Counts a registration or a new account by its address.
create function app.count_signup(p_origin bytea, p_hourly integer) returns integer
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    select app.take_from_quotas(array[convert_to('signup ', 'UTF8') || p_origin], array[p_hourly])
$$;
call ops.protect_lookup('app.count_signup(bytea, integer)');

-- Counts an e-mail by the account and the user of the transaction. `p_shared`: the quota of all free accounts that were opened
-- from one address, and the least of a person.
create function app.count_email(p_shared integer) returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person constant text := nullif(current_setting('app.current_user_id', true), '');
    account record;
begin
    select d.account_id, d.plan, d.opened_from, l.emails_per_hour as hourly into account
    from app.account_directory d
    join app.plan_limits l on l.plan = d.plan
    where d.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid;
    if account.account_id is null then
        return 0;
    end if;
    if account.plan = 'free' and account.opened_from is not null then
        return app.take_from_quotas(
            array[convert_to('account ' || account.account_id, 'UTF8'), convert_to('person ' || person, 'UTF8'),
                  convert_to('origin ', 'UTF8') || account.opened_from],
            array[account.hourly, greatest(account.hourly, p_shared), p_shared]);
    end if;
    return app.take_from_quotas(
        array[convert_to('account ' || account.account_id, 'UTF8'), convert_to('person ' || person, 'UTF8')],
        array[account.hourly, greatest(account.hourly, p_shared)]);
end
$$;
call ops.protect_lookup('app.count_email(integer)');

-- As before, and stores the origin.
create function app.open_account(p_account uuid, p_slug text, p_origin bytea) returns text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    chosen constant text := app.open_account(p_account, p_slug);
begin
    update app.account_directory set opened_from = p_origin where account_id = p_account;
    return chosen;
end
$$;
call ops.protect_lookup('app.open_account(uuid, text, bytea)');
