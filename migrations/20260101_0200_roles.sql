-- Roles hold their permissions themselves, and what they may not see; members come, go and come back.

-- nexo:allow scans-under-lock because there are five roles for each account
alter table app.roles
    add column description   text    constraint ck_roles_description check (length(description) <= 500),
    add column priority      integer not null default 0,
    add column permissions   text[]  not null default '{}',
    add column hidden_fields text[]  not null default '{}',
    add column deleted_at    timestamptz,
    add column deleted_by    uuid;
-- nexo:allow scans-under-lock because there are five roles for each account
update app.roles r set
    permissions = array(select p.permission from app.role_permissions p
                        where p.account_id = r.account_id and p.role_id = r.id order by p.permission);
-- nexo:allow scans-under-lock because there are five roles for each account
update app.roles r set permissions = s.permissions, priority = s.priority
from (values
    ('owner', 100, array['*:*']),
    ('admin', 80, array['*:*']),
    ('manager', 60, array['*:read', '*:write', '*:delete', 'member:read', 'role:read', 'team:read', 'account:read']),
    ('employee', 40, array['*:read', '*:write', 'member:read', 'team:read', 'account:read']),
    ('viewer', 20, array['*:read', 'member:read', 'team:read', 'account:read'])
) as s (name, priority, permissions)
where r.standard and r.name = s.name;

-- One name each, and a role in the trash blocks none.
-- nexo:allow require-concurrent-index-deletion because the table is small
drop index app.uq_roles_name;
-- nexo:allow require-concurrent-index-creation because the table is small
-- nexo:allow scans-under-lock because there are five roles for each account
create unique index uq_roles_name on app.roles (account_id, name) where deleted_at is null;
-- nexo:allow require-concurrent-index-creation because the table is small
-- nexo:allow scans-under-lock because there are five roles for each account
create index ix_roles_newest on app.roles (account_id, created_at desc, id desc) where deleted_at is null;

-- nexo:allow ban-drop-table because its rows have moved into app.roles above
drop table app.role_permissions;
-- nexo:allow weakens-row-security because the table is gone
delete from ops.table_kinds where table_name = 'app.role_permissions';

alter table app.memberships
    add column version bigint not null default 1; -- grows with every change, also of the member's roles
-- nexo:allow constraint-missing-not-valid because the table is small: one row a member
-- nexo:allow scans-under-lock because the table is small: one row a member
alter table app.memberships
    drop constraint ck_memberships_status,
    add constraint ck_memberships_status check (status in ('active', 'suspended', 'removed'));

-- nexo:allow scans-under-lock because a constant default is read from nowhere, and the check of few rows is short
alter table app.users
    add column kind text not null default 'person' constraint ck_users_kind check (kind in ('person', 'service'));

-- The names of members of the account that the transaction was entered for; a page of them, and never anybody else.
create function app.member_profiles(p_ids uuid[])
    returns table (user_id uuid, email text, display_name text, kind text)
    language sql stable security definer rows 50
    set search_path = pg_catalog, pg_temp
as $$
    select u.id, u.email, u.display_name, u.kind
    from app.memberships m
    join app.users u on u.id = m.user_id
    where m.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid
      and m.user_id = any (p_ids[1:201])
$$;
call ops.protect_lookup('app.member_profiles(uuid[])');

-- nexo:allow constraint-missing-not-valid because few rows are checked
-- nexo:allow scans-under-lock because few rows are checked
alter table app.sessions
    drop constraint ck_sessions_revoked_for,
    add constraint ck_sessions_revoked_for check (revoked_for in ('logout', 'reuse', 'ended', 'password', 'suspended', 'removed', 'left'));
