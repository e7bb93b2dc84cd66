-- A person's invitations, whichever accounts they lead to. As with memberships, the table stays guarded like a tenant's, and the
-- look-ups may read what the list shows.

create policy lookups on app.invitations for select to nexo_definer using (true);
grant select (account_id, id, email_norm, expires_at, accepted_at, revoked_at, created_at) on app.invitations to nexo_definer;
update ops.table_kinds set kind = 'global' where table_name = 'app.invitations';

-- nexo:allow require-concurrent-index-creation because the table is small: open invitations end after seven days
-- nexo:allow scans-under-lock because the table is small: open invitations end after seven days
create index ix_invitations_person on app.invitations (email_norm, expires_at) where accepted_at is null and revoked_at is null;

-- The open ones to the address of the person whom the transaction was entered for; none of an account that has suspended them.
create function app.my_invitations()
    returns table (id uuid, account_id uuid, slug text, name text, expires_at timestamptz, created_at timestamptz)
    language sql stable security definer rows 5
    set search_path = pg_catalog, pg_temp
as $$
    select i.id, i.account_id, d.slug, a.name, i.expires_at, i.created_at
    from app.users u
    join app.invitations i on i.email_norm = u.email_norm
    join app.account_directory d on d.account_id = i.account_id
    join app.accounts a on a.account_id = i.account_id
    where u.id = nullif(current_setting('app.current_user_id', true), '')::uuid and u.status = 'active' and d.status = 'active'
      and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()
      and not exists (select from app.memberships m
                      where m.account_id = i.account_id and m.user_id = u.id and m.status = 'suspended')
    order by i.created_at desc, i.id
    limit 200
$$;
call ops.protect_lookup('app.my_invitations()');
