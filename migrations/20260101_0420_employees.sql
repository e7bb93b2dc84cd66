-- Employees: the people who work for an account, and to whom they answer.

create table app.employees (
    account_id  uuid        not null,
    id          uuid        not null,
    code        text        not null constraint ck_employees_code check (length(code) between 1 and 50),
    first_name  text        not null constraint ck_employees_first_name check (length(first_name) between 1 and 100),
    last_name   text        not null constraint ck_employees_last_name check (length(last_name) between 1 and 100),
    email       text,
    phone       text,
    department  text,
    position    text,
    manager_id  uuid        constraint ck_employees_manager_other check (manager_id <> id),
    hire_date   date,
    member_id   uuid,
    hourly_rate numeric(19, 4) constraint ck_employees_hourly_rate check (hourly_rate >= 0),
    currency    char(3)     constraint ck_employees_currency check (currency ~ '^[A-Z]{3}$'),
    skills      text[]      not null default '{}',
    version     bigint      not null default 1,
    created_at  timestamptz not null default now(),
    created_by  uuid        not null,
    updated_at  timestamptz not null default now(),
    updated_by  uuid        not null,
    deleted_at  timestamptz,
    deleted_by  uuid,
    primary key (account_id, id),
    constraint fk_employees_manager foreign key (account_id, manager_id) references app.employees (account_id, id),
    constraint fk_employees_member foreign key (account_id, member_id) references app.memberships (account_id, user_id),
    constraint ck_employees_rate_currency check (hourly_rate is null or currency is not null)
);
create unique index uq_employees_code on app.employees (account_id, code) where deleted_at is null;
create unique index uq_employees_member on app.employees (account_id, member_id) where deleted_at is null;
create index ix_employees_newest on app.employees (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_employees_name on app.employees (account_id, last_name, first_name, id) where deleted_at is null;
create index ix_employees_department on app.employees (account_id, department, created_at desc, id desc) where deleted_at is null;
create index ix_employees_manager on app.employees (account_id, manager_id) where manager_id is not null;
create index ix_employees_member on app.employees (account_id, member_id) where member_id is not null;
call ops.protect_tenant_table('app.employees');

-- Nobody answers to themselves, however many stand between. Employees in the trash count: they may come back.
create function app.keep_employees_a_tree() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    circle boolean;
    levels integer;
begin
    if tg_op = 'UPDATE' and new.manager_id is not distinct from old.manager_id then
        return null;
    end if;
    -- One change of an account's tree at a time: two that are good alone can close a circle together. The statement
    -- after this one sees what the other has committed.
    perform pg_advisory_xact_lock(hashtextextended('app.employees ' || new.account_id, 0));
    with recursive above as (
        select new.manager_id as id, 1 as level
        union all
        select e.manager_id, a.level + 1
        from above a
        join app.employees e on e.account_id = new.account_id and e.id = a.id
        where a.id <> new.id and e.manager_id is not null and a.level < 100
    )
    select bool_or(a.id = new.id), max(a.level) into circle, levels from above a;
    if circle then
        raise check_violation using constraint = 'ck_employees_circle', message = 'an employee would answer to themselves';
    end if;
    if levels >= 100 then
        raise check_violation using constraint = 'ck_employees_levels', message = 'too many managers above one another';
    end if;
    return null;
end
$$;
revoke all on function app.keep_employees_a_tree() from public;
create trigger keep_employees_a_tree after insert or update of manager_id on app.employees
    for each row when (new.manager_id is not null) execute function app.keep_employees_a_tree();
