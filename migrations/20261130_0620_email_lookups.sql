-- People are looked up by app.normalize_email. Nothing else changes in these functions.

create or replace function app.login_lookup(p_email text, p_slug text)
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
    where u.email_norm = app.normalize_email(p_email)
    limit 1
$$;

create or replace function app.find_login(p_email text, p_slug text)
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
    where u.email_norm = app.normalize_email(p_email)
    limit 1
$$;

create or replace function app.member_with_email(p_email text)
    returns table (user_id uuid, status text, removed_while_suspended boolean)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select m.user_id, m.status, m.removed_while_suspended
    from app.users u
    join app.memberships m on m.user_id = u.id
    where u.email_norm = app.normalize_email(p_email)
      and m.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid
$$;

create or replace function app.identify(p_issuer text, p_subject text, p_client_id text, p_email text)
    returns table (user_id uuid, linked boolean)
    language plpgsql volatile security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query select i.user_id, false from app.user_identities i where i.issuer = p_issuer and i.subject = p_subject;
    if found then
        return;
    end if;
    return query
        insert into app.user_identities as i (issuer, subject, client_id, user_id)
        select p_issuer, p_subject, p_client_id, u.id
        from app.users u
        join app.memberships m on m.user_id = u.id
        where u.email_norm = app.normalize_email(p_email) and u.status = 'active' and u.kind = 'person' and m.status = 'active'
          and m.account_id = nullif(current_setting('app.current_account_id', true), '')::uuid
            on conflict do nothing
        returning i.user_id, true;
    if found then
        return;
    end if;
    -- Their other window was faster, perhaps.
    return query select i.user_id, false from app.user_identities i where i.issuer = p_issuer and i.subject = p_subject;
end
$$;

create or replace function app.begin_signup(p_token bytea, p_email text, p_name text, p_account text, p_hash text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from app.pending_signups where token_hash in (
        select token_hash from app.pending_signups where expires_at < now() order by expires_at limit 10 for update skip locked);
    insert into app.pending_signups (token_hash, email, display_name, account_name, password_hash)
        values (p_token, p_email, p_name, p_account, p_hash);
    return exists (select from app.users where email_norm = app.normalize_email(p_email));
end
$$;

create or replace function app.renew_signup(p_token bytea, p_email text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update app.pending_signups set token_hash = p_token, expires_at = now() + interval '24 hours'
    where token_hash = (select token_hash from app.pending_signups where email_norm = app.normalize_email(p_email) and expires_at > now()
                        order by created_at desc limit 1);
    if not found then -- the same work, so that the time it takes says nothing
        insert into app.one_time_tokens (token_hash, purpose, expires_at) values (p_token, 'email', now());
        return false;
    end if;
    return not exists (select from app.users where email_norm = app.normalize_email(p_email));
end
$$;

create or replace function app.begin_password_reset(p_token bytea, p_email text) returns text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid := (select id from app.users where email_norm = app.normalize_email(p_email) and status = 'active' and kind = 'person');
begin
    delete from app.one_time_tokens where token_hash in (
        select token_hash from app.one_time_tokens where expires_at < now() - interval '1 day'
        order by expires_at limit 10 for update skip locked);
    insert into app.one_time_tokens (token_hash, purpose, user_id) values (p_token, 'password', person);
    return (select email from app.users where id = person);
end
$$;

create or replace function app.begin_email_change(p_token bytea, p_email text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.one_time_tokens (token_hash, purpose, user_id, email)
        values (p_token, 'email', nullif(current_setting('app.current_user_id', true), '')::uuid, p_email);
    return not exists (select from app.users where email_norm = app.normalize_email(p_email));
end
$$;
