-- A person's accounts, the rules of each, and what a session is known by.

-- The names of a person's accounts are asked before they are inside of them: as with memberships, the table is guarded
-- like a tenant's, and the look-ups may read two of its columns.
create policy lookups on app.accounts for select to nexo_definer using (true);
grant select (account_id, name) on app.accounts to nexo_definer;
update ops.table_kinds set kind = 'global' where table_name = 'app.accounts';

-- nexo:allow scans-under-lock because there is one row for each account
alter table app.accounts
    add column require_second_factor boolean not null default false,
    add column session_idle_minutes  integer not null default 10080
        constraint ck_accounts_session_idle_minutes check (session_idle_minutes between 15 and 43200),
    add column session_hours         integer not null default 720
        constraint ck_accounts_session_hours check (session_hours between 1 and 8760);

alter table app.sessions
    add column ip               text,                                -- whence the session was opened
    add column authenticated_at timestamptz not null default now();  -- when the person last showed who they are

create function app.my_places()
    returns table (account_id uuid, slug text, name text, plan text, account_status text, status text, last_used_at timestamptz)
    language sql stable security definer rows 5
    set search_path = pg_catalog, pg_temp
as $$
    select m.account_id, d.slug, a.name, d.plan, d.status, m.status, m.last_used_at
    from app.memberships m
    join app.account_directory d on d.account_id = m.account_id
    join app.accounts a on a.account_id = m.account_id
    where m.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid and m.status <> 'removed'
    order by m.last_used_at desc nulls last, m.account_id
    limit 200
$$;
call ops.protect_lookup('app.my_places()');
