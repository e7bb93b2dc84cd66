create table if not exists ops.migration_history (
    version             text        not null primary key,
    name                text        not null,
    description         text        not null,
    checksum            text        not null,
    state               text        not null constraint ck_migration_history_state check (state in ('running', 'applied', 'failed', 'resolved')),
    statement           integer     not null,
    without_transaction boolean     not null,
    success             boolean     not null generated always as (state in ('applied', 'resolved')) stored,
    applied_at          timestamptz not null default now(),
    execution_ms        bigint      not null default 0,
    error_message       text,
    applied_by          text        not null default session_user,
    app_version         text        not null
);
alter table ops.migration_history
    add column if not exists link     text,  -- see chain.sql
    add column if not exists min_app  text,  -- the oldest release that can work with this schema
    add column if not exists backup   text,  -- the command that restores what was there before
    add column if not exists actor    text,  -- who resolved or took back
    add column if not exists because  text,  -- and why
    add column if not exists backfill jsonb, -- how far its backfill is
    drop constraint if exists ck_migration_history_state,
    add constraint ck_migration_history_state check (state in ('running', 'applied', 'failed', 'resolved', 'rolled_back'));
