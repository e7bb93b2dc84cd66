-- Notes: what was written down about a record, whatever it is.

create table app.notes (
    account_id   uuid        not null,
    id           uuid        not null,
    subject_type text        not null constraint ck_notes_subject_type check (subject_type in ('client', 'contact', 'supplier', 'employee', 'professional', 'project', 'task')),
    subject_id   uuid        not null,
    body         text        not null constraint ck_notes_body check (length(body) between 1 and 10000),
    version      bigint      not null default 1,
    created_at   timestamptz not null default now(),
    created_by   uuid        not null,
    updated_at   timestamptz not null default now(),
    updated_by   uuid        not null,
    deleted_at   timestamptz,
    deleted_by   uuid,
    primary key (account_id, id)
);
create index ix_notes_newest on app.notes (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_notes_subject on app.notes (account_id, subject_type, subject_id, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.notes');
