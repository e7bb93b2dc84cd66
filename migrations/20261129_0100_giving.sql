-- Grants are checked against the present rights of their grantor, and a suspension outlasts a removal.

alter table app.memberships
    add column removed_while_suspended boolean not null default false; -- comes back only by a grantor with member:write

alter table app.invitations
    add column granted_by uuid; -- whose rights are checked when it is accepted; null: created_by

alter table app.api_keys
    add column granted_by uuid; -- the person at the beginning of a chain of keys; null: created_by

-- The member with this address, of the account that the transaction was entered for; never of another account.
create function app.member_with_email(p_email text)
    returns table (user_id uuid, status text, removed_while_suspended boolean)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select m.user_id, m.status, m.removed_while_suspended
    from app.users u
    join app.memberships m on m.user_id = u.id
    where u.email_norm = lower(p_email)
      and m.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid
$$;
call ops.protect_lookup('app.member_with_email(text)');
