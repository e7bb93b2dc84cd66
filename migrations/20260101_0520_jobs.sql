-- Jobs: work that goes on after its request was answered, by whichever service process takes it.

create table app.jobs (
    account_id    uuid        not null,
    id            uuid        not null,
    kind          text        not null constraint ck_jobs_kind check (length(kind) between 1 and 50),
    subject_id    uuid        not null, -- what it is about
    status        text        not null default 'due' constraint ck_jobs_status check (status in ('due', 'done', 'failed', 'cancelled')),
    stop          boolean     not null default false, -- somebody wants it to end after the part that it is at
    state         jsonb       not null default '{}', -- where it goes on: moved in the transaction of each part
    done          bigint      not null default 0,
    total         bigint      not null,
    problem       text,
    -- Whose rights it has: those that its person has at each part, and never more than the token had that started it.
    permissions   text[]      not null,
    hidden_fields text[]      not null,
    key_id        uuid, -- the API key behind that token
    -- Who works at it. The lease is by the clock of the database, which is the same for all.
    claimed_by    uuid,
    claimed_until timestamptz,
    attempts      integer     not null default 0, -- times it was taken since its last part
    due_at        timestamptz not null default now(),
    request_id    uuid        not null,
    created_at    timestamptz not null default now(),
    created_by    uuid        not null,
    finished_at   timestamptz,
    primary key (account_id, id)
);
create index ix_jobs_due on app.jobs (account_id, due_at) where status = 'due';
create index ix_jobs_subject on app.jobs (account_id, subject_id, created_at desc, id desc);
call ops.protect_tenant_table('app.jobs');

-- Which job is due, of whichever account. It tells that there is one; what it is about, only its account is told.
create policy due on app.jobs for select to nexo_definer using (true);
grant select (account_id, id, kind, status, claimed_until, due_at, request_id, created_by) on app.jobs to nexo_definer;
create function app.due_job(p_kinds text[])
    returns table (account_id uuid, id uuid, kind text, request_id uuid, created_by uuid)
    language sql volatile security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select j.account_id, j.id, j.kind, j.request_id, j.created_by
    from app.jobs j
    join app.account_directory d on d.account_id = j.account_id and d.status = 'active'
    where j.status = 'due' and j.due_at <= now() and j.kind = any (p_kinds)
      and (j.claimed_until is null or j.claimed_until < now())
    order by random() -- so that two workers seldom want the same, and no account waits for another's
    limit 1
$$;
revoke all on function app.due_job(text[]) from public;
grant execute on function app.due_job(text[]) to nexo_app;
grant create on schema app to nexo_definer; -- an owner must be able to create there; for this moment only
alter function app.due_job(text[]) owner to nexo_definer;
revoke create on schema app from nexo_definer;
