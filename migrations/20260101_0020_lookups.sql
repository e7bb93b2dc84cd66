-- What the auth-service may ask before an account is known: one e-mail or id in, at most one row out.

create function app.login_lookup(p_email text, p_slug text)
    returns table (user_id uuid, password_hash text, user_status text, account_id uuid)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select u.id, c.password_hash, u.status, m.account_id
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
call ops.protect_lookup('app.login_lookup(text, text)');

create function app.add_user(p_id uuid, p_email text, p_name text, p_hash text) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    insert into app.users (id, email, display_name) values (p_id, p_email, p_name);
    insert into app.user_credentials (user_id, password_hash) values (p_id, p_hash);
$$;
call ops.protect_lookup('app.add_user(uuid, text, text, text)');

-- Of the person whom this transaction was entered for, and of nobody else.
create function app.replace_password_hash(p_hash text) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    update app.user_credentials set password_hash = p_hash, updated_at = now()
    where user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
$$;
call ops.protect_lookup('app.replace_password_hash(text)');

-- Registers an account under the wanted slug, or the first free one after it: `acme`, `acme-2`, …, then a random one.
create function app.open_account(p_account uuid, p_slug text) returns text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    chosen text;
    candidate text;
begin
    for attempt in 1..20 loop
        candidate := case
            when attempt = 1 then p_slug
            when attempt < 10 then left(p_slug, 40) || '-' || attempt
            else left(p_slug, 36) || '-' || left(md5(gen_random_uuid()::text), 10)
        end;
        insert into app.account_directory (account_id, slug) values (p_account, candidate)
            on conflict (slug) do nothing
            returning slug into chosen;
        exit when chosen is not null;
    end loop;
    return chosen;
end
$$;
call ops.protect_lookup('app.open_account(uuid, text)');

-- The person and the account that this transaction was entered for.
create function app.whoami()
    returns table (email text, display_name text, user_status text, slug text, plan text, account_status text)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select u.email, u.display_name, u.status, d.slug, d.plan, d.status
    from app.users u
    join app.memberships m on m.user_id = u.id
    join app.account_directory d on d.account_id = m.account_id
    where u.id = nullif(current_setting('app.current_user_id', true), '')::uuid
      and m.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid
      and m.status = 'active'
$$;
call ops.protect_lookup('app.whoami()');
