-- Activities: what was done with whoever a record is about, and what came of it.

create table app.activities (
    account_id       uuid        not null,
    id               uuid        not null,
    kind             text        not null constraint ck_activities_kind check (kind in ('call', 'meeting', 'email', 'visit')),
    subject_type     text        not null constraint ck_activities_subject_type check (subject_type in ('client', 'contact', 'supplier', 'employee', 'professional', 'project', 'task')),
    subject_id       uuid        not null,
    at               timestamptz not null,
    duration_minutes integer     constraint ck_activities_duration check (duration_minutes between 0 and 10080),
    summary          text        not null constraint ck_activities_summary check (length(summary) between 1 and 500),
    outcome          text        constraint ck_activities_outcome check (length(outcome) between 1 and 5000),
    version          bigint      not null default 1,
    created_at       timestamptz not null default now(),
    created_by       uuid        not null,
    updated_at       timestamptz not null default now(),
    updated_by       uuid        not null,
    deleted_at       timestamptz,
    deleted_by       uuid,
    primary key (account_id, id)
);
create index ix_activities_newest on app.activities (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_activities_at on app.activities (account_id, at desc, id desc) where deleted_at is null;
create index ix_activities_subject on app.activities (account_id, subject_type, subject_id, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.activities');
