-- People who are members of no account: they log in all the same, see their invitations, and open an account or come back to one.

create table app.person_sessions (
    id               uuid        not null primary key,
    user_id          uuid        not null,
    account_id       uuid,                             -- whose identity provider opened it; null: the person showed their password
    credential       bytea       not null,             -- SHA-256 of the password's hash and the second factor of that moment: another one ends the session
    authenticated_at timestamptz not null default now(),
    expires_at       timestamptz not null default now() + interval '10 minutes'
);
create index ix_person_sessions_age on app.person_sessions (expires_at);
call ops.protect_global_table('app.person_sessions');
grant delete on app.person_sessions to nexo_definer;

-- As app.login_lookup, and whether the person is an active member of no active account.
create function app.find_login(p_email text, p_slug text)
    returns table (user_id uuid, password_hash text, user_status text, account_id uuid, is_outside boolean)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select u.id, c.password_hash, u.status, m.account_id,
           m.account_id is null and not exists (
               select from app.memberships o
               join app.account_directory d on d.account_id = o.account_id
               where o.user_id = u.id and o.status = 'active' and d.status = 'active')
    from app.users u
    join app.user_credentials c on c.user_id = u.id
    left join lateral (
        select m.account_id
        from app.memberships m
        join app.account_directory d on d.account_id = m.account_id
        where m.user_id = u.id and m.status = 'active' and d.status = 'active' and (p_slug is null or d.slug = p_slug)
        order by m.last_used_at desc nulls last, m.created_at, m.account_id
        limit 1
    ) m on true
    where u.email_norm = lower(p_email)
    limit 1
$$;
call ops.protect_lookup('app.find_login(text, text)');

-- Of the person whom the transaction was entered for. `p_hash` is the hash that their password was held against; null: a provider
-- says who they are. False: they have another password by now.
create function app.open_person_session(p_id uuid, p_account uuid, p_hash text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from app.person_sessions where id in (
        select id from app.person_sessions where expires_at < now() order by expires_at limit 10 for update skip locked);
    insert into app.person_sessions (id, user_id, account_id, credential)
    select p_id, u.id, p_account, sha256(convert_to(c.password_hash, 'UTF8') || coalesce(f.secret, ''))
    from app.users u
    join app.user_credentials c on c.user_id = u.id
    left join app.user_factors f on f.user_id = u.id and f.confirmed_at is not null
    where u.id = nullif(current_setting('app.current_user_id', true), '')::uuid
      and u.status = 'active' and (p_hash is null or c.password_hash = p_hash);
    return found;
end
$$;
call ops.protect_lookup('app.open_person_session(uuid, uuid, text)');

-- One of the person whom the transaction was entered for, if it still stands.
create function app.person_session(p_id uuid)
    returns table (account_id uuid, authenticated_at timestamptz, email text, display_name text)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select s.account_id, s.authenticated_at, u.email, u.display_name
    from app.person_sessions s
    join app.users u on u.id = s.user_id
    join app.user_credentials c on c.user_id = s.user_id
    left join app.user_factors f on f.user_id = s.user_id and f.confirmed_at is not null
    where s.id = p_id and s.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
      and s.expires_at > now() and u.status = 'active'
      and s.credential = sha256(convert_to(c.password_hash, 'UTF8') || coalesce(f.secret, ''))
$$;
call ops.protect_lookup('app.person_session(uuid)');

-- Whether the person of this transaction is an active member of no active account, and is not suspended in the one that it is in.
create function app.is_outside() returns boolean
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select exists (
               select from app.users u
               where u.id = nullif(current_setting('app.current_user_id', true), '')::uuid and u.status = 'active')
       and exists (
               select from app.account_directory d
               where d.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid and d.status = 'active')
       and not exists (
               select from app.memberships m
               join app.account_directory d on d.account_id = m.account_id
               where m.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
                 and (m.status = 'active' and d.status = 'active'
                      or m.status = 'suspended' and m.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid))
$$;
call ops.protect_lookup('app.is_outside()');
