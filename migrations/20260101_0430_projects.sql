-- Projects: what an account does for a client.

create table app.projects (
    account_id  uuid        not null,
    id          uuid        not null,
    client_id   uuid        not null,
    name        text        not null constraint ck_projects_name check (length(name) between 1 and 200),
    code        text        not null constraint ck_projects_code check (length(code) between 1 and 50),
    description text,
    budget      numeric(19, 4) constraint ck_projects_budget check (budget >= 0),
    actual_cost numeric(19, 4) constraint ck_projects_actual_cost check (actual_cost >= 0),
    currency    char(3)     constraint ck_projects_currency check (currency ~ '^[A-Z]{3}$'),
    progress    integer     not null default 0 constraint ck_projects_progress check (progress between 0 and 100),
    starts_on   date,
    ends_on     date,
    status      text        not null default 'planned' constraint ck_projects_status check (status in ('planned', 'active', 'on_hold', 'completed', 'cancelled')),
    owner_id    uuid,
    version     bigint      not null default 1,
    created_at  timestamptz not null default now(),
    created_by  uuid        not null,
    updated_at  timestamptz not null default now(),
    updated_by  uuid        not null,
    deleted_at  timestamptz,
    deleted_by  uuid,
    primary key (account_id, id),
    constraint fk_projects_client foreign key (account_id, client_id) references app.clients (account_id, id),
    constraint fk_projects_owner foreign key (account_id, owner_id) references app.memberships (account_id, user_id),
    constraint ck_projects_amount_currency check ((budget is null and actual_cost is null) or currency is not null),
    constraint ck_projects_days check (ends_on >= starts_on)
);
create unique index uq_projects_code on app.projects (account_id, code) where deleted_at is null;
create index ix_projects_newest on app.projects (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_projects_name on app.projects (account_id, name, id) where deleted_at is null;
create index ix_projects_status on app.projects (account_id, status, created_at desc, id desc) where deleted_at is null;
create index ix_projects_client on app.projects (account_id, client_id, created_at desc, id desc);
create index ix_projects_owner on app.projects (account_id, owner_id) where owner_id is not null;
create index ix_projects_own on app.projects (account_id, owner_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.projects');
