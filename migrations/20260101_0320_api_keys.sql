-- API keys, and members who are programs.

-- A key is a session as far as every service goes: what ends the one ends the other, and there is nothing to keep in step.
-- nexo:allow scans-under-lock because a constant default is read from nowhere, and the check of few rows is short
alter table app.sessions
    add column kind text not null default 'login' constraint ck_sessions_kind check (kind in ('login', 'api_key'));

-- What a key has that a login has not. Whose it is, until when, and whether it was revoked, its session says.
create table app.api_keys (
    account_id   uuid        not null,
    id           uuid        not null,
    name         text        not null constraint ck_api_keys_name check (length(name) between 1 and 100),
    secret_hash  bytea       not null constraint ck_api_keys_secret_hash check (length(secret_hash) = 32), -- SHA-256 of 256 random bits
    permissions  text[]      not null constraint ck_api_keys_permissions check (cardinality(permissions) between 1 and 100),
    last_used_at timestamptz,
    last_used_ip text,
    created_at   timestamptz not null default now(),
    created_by   uuid        not null,
    primary key (account_id, id),
    constraint fk_api_keys_session foreign key (account_id, id) references app.sessions (account_id, id) on delete cascade
);
call ops.protect_tenant_table('app.api_keys', array['nexo_auth']);

-- A user who is a program: without credentials, and with an address that no letter reaches (RFC 6761, 6.4).
create function app.add_service(p_id uuid, p_name text) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    insert into app.users (id, email, display_name, kind) values (p_id, p_id || '@service.invalid', p_name, 'service')
$$;
call ops.protect_lookup('app.add_service(uuid, text)');

-- As before, but for programs: no identity provider logs one in.
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
        where u.email_norm = lower(p_email) and u.status = 'active' and u.kind = 'person' and m.status = 'active'
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
