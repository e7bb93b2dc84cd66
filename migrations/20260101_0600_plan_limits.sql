-- How often an account may ask, by its plan; the gateway reads it every few seconds.

create table app.plan_limits (
    plan              text    not null primary key constraint ck_plan_limits_plan check (plan in ('free', 'starter', 'pro', 'enterprise')),
    reads_per_minute  integer not null constraint ck_plan_limits_reads check (reads_per_minute between 1 and 10000000),
    reads_burst       integer not null,
    writes_per_minute integer not null constraint ck_plan_limits_writes check (writes_per_minute between 1 and 10000000),
    writes_burst      integer not null,
    at_once           integer not null constraint ck_plan_limits_at_once check (at_once between 1 and 10000), -- at each gateway
    -- An empty bucket is full again within ten minutes: a gateway forgets one that has been idle for longer.
    constraint ck_plan_limits_burst check (
        reads_burst between 1 and 10::bigint * reads_per_minute and writes_burst between 1 and 10::bigint * writes_per_minute)
);
call ops.protect_global_table('app.plan_limits');

insert into app.plan_limits (plan, reads_per_minute, reads_burst, writes_per_minute, writes_burst, at_once) values
    ('free', 1800, 600, 600, 200, 32),
    ('starter', 6000, 1200, 2400, 600, 64),
    ('pro', 30000, 3000, 12000, 1500, 128),
    ('enterprise', 120000, 12000, 60000, 6000, 512);

-- The plan of one account, and its limits. The gateway asks before anybody is inside of it: one id in, one row out.
create function app.limits_of(p_account uuid)
    returns table (
        plan text, reads_per_minute integer, reads_burst integer, writes_per_minute integer, writes_burst integer, at_once integer)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select l.plan, l.reads_per_minute, l.reads_burst, l.writes_per_minute, l.writes_burst, l.at_once
    from app.account_directory d
    join app.plan_limits l on l.plan = d.plan
    where d.account_id = p_account
$$;
call ops.protect_lookup('app.limits_of(uuid)');
revoke execute on function app.limits_of(uuid) from nexo_auth;
grant execute on function app.limits_of(uuid) to nexo_app;
