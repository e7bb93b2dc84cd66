-- Which job is due: accounts take turns, whatever the number of jobs that each has.

alter table app.jobs add column served_at timestamptz; -- when somebody last took it
grant select (served_at) on app.jobs to nexo_definer;

-- One job of an account is worked at at a time. Accounts of which none has been begun come first, and then those that have
-- waited for the longest; within an account likewise.
create or replace function app.due_job(p_kinds text[])
    returns table (account_id uuid, id uuid, kind text, request_id uuid, created_by uuid)
    language sql volatile security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select j.account_id, j.id, j.kind, j.request_id, j.created_by
    from app.jobs j
    join app.account_directory d on d.account_id = j.account_id and d.status = 'active'
    join (
        select o.account_id, max(o.served_at) as served_at
        from app.jobs o where o.status = 'due'
        group by o.account_id having coalesce(max(o.claimed_until) < now(), true)
    ) as account on account.account_id = j.account_id
    where j.status = 'due' and j.due_at <= now() and j.kind = any (p_kinds)
      and (j.claimed_until is null or j.claimed_until < now())
    order by account.served_at nulls first, j.served_at nulls first, j.due_at
    limit 1
$$;
