-- What waits for somebody to show a token that was mailed to them. Only its hash is kept (SHA-256 of 256 random bits).

-- A person who signs up becomes a user when they confirm: an e-mail in app.users was proven.
create table app.pending_signups (
    token_hash    bytea       not null primary key,
    email         text        not null constraint ck_pending_signups_email check (length(email) between 3 and 254),
    email_norm    text        not null generated always as (lower(email)) stored,
    display_name  text        not null,
    account_name  text        not null,
    password_hash text        not null,
    created_at    timestamptz not null default now(),
    expires_at    timestamptz not null default now() + interval '24 hours'
);
create index ix_pending_signups_email on app.pending_signups (email_norm, created_at);
create index ix_pending_signups_age on app.pending_signups (expires_at);
call ops.protect_global_table('app.pending_signups');
grant delete on app.pending_signups to nexo_definer;

create table app.one_time_tokens (
    token_hash bytea       not null primary key,
    purpose    text        not null constraint ck_one_time_tokens_purpose check (purpose in ('password', 'email')),
    user_id    uuid        constraint fk_one_time_tokens_user references app.users (id), -- null: an address that nobody has
    email      text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + interval '30 minutes',
    used_at    timestamptz
);
create index ix_one_time_tokens_user on app.one_time_tokens (user_id);
create index ix_one_time_tokens_age on app.one_time_tokens (expires_at);
call ops.protect_global_table('app.one_time_tokens');
grant delete on app.one_time_tokens to nexo_definer;

-- Keeps a sign-up until it is confirmed, of a known address as of a new one; tells which letter to send.
create function app.begin_signup(p_token bytea, p_email text, p_name text, p_account text, p_hash text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from app.pending_signups where token_hash in (
        select token_hash from app.pending_signups where expires_at < now() order by expires_at limit 10 for update skip locked);
    insert into app.pending_signups (token_hash, email, display_name, account_name, password_hash)
        values (p_token, p_email, p_name, p_account, p_hash);
    return exists (select from app.users where email_norm = lower(p_email));
end
$$;
call ops.protect_lookup('app.begin_signup(bytea, text, text, text, text)');

-- Another token for the newest sign-up of an address; false: there is none, or the address is somebody's by now.
create function app.renew_signup(p_token bytea, p_email text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update app.pending_signups set token_hash = p_token, expires_at = now() + interval '24 hours'
    where token_hash = (select token_hash from app.pending_signups where email_norm = lower(p_email) and expires_at > now()
                        order by created_at desc limit 1);
    if not found then -- the same work, so that the time it takes says nothing
        insert into app.one_time_tokens (token_hash, purpose, expires_at) values (p_token, 'email', now());
        return false;
    end if;
    return not exists (select from app.users where email_norm = lower(p_email));
end
$$;
call ops.protect_lookup('app.renew_signup(bytea, text)');

create function app.pending_signup(p_token bytea)
    returns table (email text, display_name text, account_name text, password_hash text)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select email, display_name, account_name, password_hash from app.pending_signups
    where token_hash = p_token and expires_at > now()
$$;
call ops.protect_lookup('app.pending_signup(bytea)');

create function app.end_signup(p_token bytea) returns boolean
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    with gone as (delete from app.pending_signups where token_hash = p_token returning 1) select exists (select from gone)
$$;
call ops.protect_lookup('app.end_signup(bytea)');

-- A token to set another password: for a known address as for an unknown one. Gives back the address to send it to, as it
-- is kept: never the one that was typed.
create function app.begin_password_reset(p_token bytea, p_email text) returns text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid := (select id from app.users where email_norm = lower(p_email) and status = 'active' and kind = 'person');
begin
    delete from app.one_time_tokens where token_hash in (
        select token_hash from app.one_time_tokens where expires_at < now() - interval '1 day'
        order by expires_at limit 10 for update skip locked);
    insert into app.one_time_tokens (token_hash, purpose, user_id) values (p_token, 'password', person);
    return (select email from app.users where id = person);
end
$$;
call ops.protect_lookup('app.begin_password_reset(bytea, text)');

-- Of the person whom the transaction was entered for; true: nobody has that address.
create function app.begin_email_change(p_token bytea, p_email text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.one_time_tokens (token_hash, purpose, user_id, email)
        values (p_token, 'email', nullif(current_setting('app.current_user_id', true), '')::uuid, p_email);
    return not exists (select from app.users where email_norm = lower(p_email));
end
$$;
call ops.protect_lookup('app.begin_email_change(bytea, text)');

-- Whose token it is, and whether it is still good; to look before the hashing of a password.
create function app.one_time_token(p_token bytea, p_purpose text)
    returns table (user_id uuid, email text)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select t.user_id, u.email from app.one_time_tokens t join app.users u on u.id = t.user_id
    where t.token_hash = p_token and t.purpose = p_purpose and t.used_at is null and t.expires_at > now() and u.status = 'active'
$$;
call ops.protect_lookup('app.one_time_token(bytea, text)');

-- Uses the token up, and with it every other one of the person's; false: somebody was faster.
create function app.reset_password(p_token bytea, p_hash text) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    person uuid;
begin
    update app.one_time_tokens set used_at = now()
    where token_hash = p_token and purpose = 'password' and used_at is null and expires_at > now()
    returning user_id into person;
    if person is null then
        return false;
    end if;
    update app.one_time_tokens set used_at = now() where user_id = person and used_at is null;
    insert into app.user_credentials (user_id, password_hash) values (person, p_hash)
        on conflict (user_id) do update set password_hash = p_hash, updated_at = now();
    return true;
end
$$;
call ops.protect_lookup('app.reset_password(bytea, text)');

create function app.change_email(p_token bytea)
    returns table (user_id uuid, was text, is_now text)
    language plpgsql volatile security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
declare
    used app.one_time_tokens;
    before text;
begin
    update app.one_time_tokens t set used_at = now()
    where t.token_hash = p_token and t.purpose = 'email' and t.user_id is not null and t.used_at is null and t.expires_at > now()
    returning * into used;
    if used.user_id is null then
        return;
    end if;
    select u.email into before from app.users u where u.id = used.user_id for update;
    update app.users u set email = used.email, updated_at = now() where u.id = used.user_id;
    update app.one_time_tokens t set used_at = now() where t.user_id = used.user_id and t.used_at is null; -- to the old address
    return query select used.user_id, before, used.email;
end
$$;
call ops.protect_lookup('app.change_email(bytea)');

-- Uses up whatever was mailed to the person whom the transaction was entered for.
create function app.end_my_tokens() returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    update app.one_time_tokens set used_at = now()
    where user_id = nullif(current_setting('app.current_user_id', true), '')::uuid and used_at is null
$$;
call ops.protect_lookup('app.end_my_tokens()');
