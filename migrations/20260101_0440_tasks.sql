-- Tasks: what there is to do, by whom and until when.

create table app.tasks (
    account_id   uuid        not null,
    id           uuid        not null,
    project_id   uuid,
    parent_id    uuid        constraint ck_tasks_parent_other check (parent_id <> id),
    title        text        not null constraint ck_tasks_title check (length(title) between 1 and 200),
    description  text,
    assignee_id  uuid,
    priority     text        not null default 'normal' constraint ck_tasks_priority check (priority in ('low', 'normal', 'high', 'urgent')),
    status       text        not null default 'open' constraint ck_tasks_status check (status in ('open', 'in_progress', 'done', 'cancelled')),
    due_at       timestamptz,
    completed_at timestamptz,
    checklist    jsonb       not null default '[]' constraint ck_tasks_checklist check (jsonb_typeof(checklist) = 'array'),
    -- Subtasks have one level: a parent is a task of level 0, and stays one for as long as it has subtasks.
    level        smallint    generated always as (case when parent_id is null then 0 else 1 end) stored,
    parent_level smallint    generated always as (case when parent_id is null then null else 0 end) stored,
    version      bigint      not null default 1,
    created_at   timestamptz not null default now(),
    created_by   uuid        not null,
    updated_at   timestamptz not null default now(),
    updated_by   uuid        not null,
    deleted_at   timestamptz,
    deleted_by   uuid,
    primary key (account_id, id),
    constraint uq_tasks_level unique (account_id, id, level),
    constraint fk_tasks_project foreign key (account_id, project_id) references app.projects (account_id, id),
    constraint fk_tasks_parent foreign key (account_id, parent_id) references app.tasks (account_id, id),
    constraint fk_tasks_parent_level foreign key (account_id, parent_id, parent_level) references app.tasks (account_id, id, level),
    constraint fk_tasks_assignee foreign key (account_id, assignee_id) references app.memberships (account_id, user_id),
    constraint ck_tasks_completed check ((status = 'done') = (completed_at is not null))
);
create index ix_tasks_newest on app.tasks (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_tasks_status on app.tasks (account_id, status, created_at desc, id desc) where deleted_at is null;
create index ix_tasks_due on app.tasks (account_id, due_at, id) where deleted_at is null;
create index ix_tasks_project on app.tasks (account_id, project_id, created_at desc, id desc) where project_id is not null;
create index ix_tasks_parent on app.tasks (account_id, parent_id) where parent_id is not null;
create index ix_tasks_assignee on app.tasks (account_id, assignee_id) where assignee_id is not null;
create index ix_tasks_own on app.tasks (account_id, assignee_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.tasks');
