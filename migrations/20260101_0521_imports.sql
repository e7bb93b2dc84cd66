-- Imports: files of records, what became of each of their lines, and how to take it all back.

create table app.imports (
    account_id uuid        not null,
    id         uuid        not null,
    resource   text        not null,
    file_name  text        not null constraint ck_imports_file_name check (length(file_name) between 1 and 255),
    status     text        not null default 'receiving' constraint ck_imports_status check (status in
        ('receiving', 'uploaded', 'ready', 'checking', 'checked', 'running', 'done', 'cancelled', 'failed', 'undoing', 'undone')),
    file       jsonb, -- what was found in it: how it is written, its columns
    plan       jsonb, -- what becomes of them
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null,
    primary key (account_id, id)
);
create index ix_imports_newest on app.imports (account_id, created_at desc, id desc);
call ops.protect_tenant_table('app.imports');

-- The file, as UTF-8, in parts: nobody ever holds all of it.
create table app.import_parts (
    account_id uuid   not null,
    import_id  uuid   not null,
    part       bigint not null,
    starts_at  bigint not null,
    bytes      bytea  not null,
    primary key (account_id, import_id, part),
    constraint fk_import_parts_import foreign key (account_id, import_id) references app.imports (account_id, id) on delete cascade
);
alter table app.import_parts alter column bytes set storage external; -- read by parts, and gone soon
call ops.protect_tenant_table('app.import_parts');

-- What each line did, and what was there before.
create table app.import_rows (
    account_id uuid   not null,
    import_id  uuid   not null,
    line       bigint not null,
    record_id  uuid   not null,
    action     text   not null constraint ck_import_rows_action check (action in ('created', 'updated', 'unchanged', 'again')),
    version    bigint not null, -- of the record, after the import's last write to it
    before     jsonb,
    primary key (account_id, import_id, line),
    constraint fk_import_rows_import foreign key (account_id, import_id) references app.imports (account_id, id) on delete cascade
);
create index ix_import_rows_record on app.import_rows (account_id, import_id, record_id);
call ops.protect_tenant_table('app.import_rows');

-- What is wrong with a line, and the line itself.
create table app.import_errors (
    account_id  uuid   not null,
    import_id   uuid   not null,
    phase       text   not null constraint ck_import_errors_phase check (phase in ('check', 'run', 'undo')),
    line        bigint not null,
    nth         integer not null,
    column_name text,
    pointer     text   not null,
    code        text   not null,
    message     text   not null,
    cells       text[] not null,
    primary key (account_id, import_id, phase, line, nth),
    constraint fk_import_errors_import foreign key (account_id, import_id) references app.imports (account_id, id) on delete cascade
);
call ops.protect_tenant_table('app.import_errors');
