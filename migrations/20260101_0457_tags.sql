-- Tags: words that an account gives to its records.

create table app.tags (
    account_id uuid        not null,
    id         uuid        not null,
    name       text        not null constraint ck_tags_name check (length(name) between 1 and 50),
    colour     text        constraint ck_tags_colour check (colour ~ '^#[0-9a-f]{6}$'),
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null,
    deleted_at timestamptz,
    deleted_by uuid,
    primary key (account_id, id)
);
create unique index uq_tags_name on app.tags (account_id, lower(name)) where deleted_at is null;
create index ix_tags_newest on app.tags (account_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.tags');

create table app.record_tags (
    account_id   uuid not null,
    subject_type text not null constraint ck_record_tags_subject_type check (subject_type in ('client', 'contact', 'supplier', 'employee', 'professional', 'project', 'task')),
    subject_id   uuid not null,
    tag_id       uuid not null,
    primary key (account_id, subject_type, subject_id, tag_id),
    constraint fk_record_tags_tag foreign key (account_id, tag_id) references app.tags (account_id, id) on delete cascade
);
create index ix_record_tags_tag on app.record_tags (account_id, tag_id, subject_type, subject_id);
call ops.protect_tenant_table('app.record_tags');
