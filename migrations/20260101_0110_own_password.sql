-- What a person may ask about themselves: whoever the transaction was entered for, and nobody else.

create function app.my_password()
    returns table (email text, password_hash text)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select u.email, c.password_hash from app.users u join app.user_credentials c on c.user_id = u.id
    where u.id = nullif(current_setting('app.current_user_id', true), '')::uuid and u.status = 'active'
$$;
call ops.protect_lookup('app.my_password()');

create function app.my_accounts()
    returns table (account_id uuid)
    language sql stable security definer rows 5
    set search_path = pg_catalog, pg_temp
as $$
    select m.account_id from app.memberships m
    where m.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
$$;
call ops.protect_lookup('app.my_accounts()');
