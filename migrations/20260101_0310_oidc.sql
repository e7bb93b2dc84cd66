-- Logins through an identity provider that the account has chosen (OpenID Connect).

create table app.oidc_connections (
    account_id    uuid        not null,
    id            uuid        not null,
    issuer        text        not null constraint ck_oidc_connections_issuer check (length(issuer) between 1 and 500),
    client_id     text        not null constraint ck_oidc_connections_client_id check (length(client_id) between 1 and 255),
    client_secret bytea       not null, -- sealed with a key that only the auth-service has
    domain        text        not null constraint ck_oidc_connections_domain check (domain = lower(domain) and length(domain) <= 253),
    version       bigint      not null default 1,
    created_at    timestamptz not null default now(),
    created_by    uuid        not null,
    updated_at    timestamptz not null default now(),
    updated_by    uuid        not null,
    primary key (account_id, id),
    constraint fk_oidc_connections_account foreign key (account_id) references app.accounts (account_id)
);
create index ix_oidc_connections_newest on app.oidc_connections (account_id, created_at desc, id desc);
call ops.protect_tenant_table('app.oidc_connections', array['nexo_auth']);

-- Leads from an e-mail to the connection of whoever has bound its domain: no two accounts bind the same one.
create table app.oidc_domains (
    domain        text        not null primary key,
    account_id    uuid        not null,
    connection_id uuid        not null,
    created_at    timestamptz not null default now()
);
create index ix_oidc_domains_account on app.oidc_domains (account_id);
call ops.protect_global_table('app.oidc_domains');
grant delete on app.oidc_domains to nexo_definer;

-- Logins on their way. A state is kept as its hash, and what proves the login sealed: a copy of the table lets nobody in.
create table app.oidc_logins (
    state_hash    bytea       not null primary key,
    account_id    uuid        not null,
    connection_id uuid        not null,
    sealed        bytea       not null,
    expires_at    timestamptz not null default now() + interval '10 minutes'
);
create index ix_oidc_logins_age on app.oidc_logins (expires_at);
call ops.protect_global_table('app.oidc_logins');
grant delete on app.oidc_logins to nexo_definer;

-- Who somebody is at an issuer. Their e-mail made the link once, and may change afterwards.
create table app.user_identities (
    issuer    text        not null,
    subject   text        not null,
    client_id text        not null, -- that they were linked through: an issuer may know them by another name at each client
    user_id   uuid        not null constraint fk_user_identities_user references app.users (id),
    linked_at timestamptz not null default now(),
    primary key (issuer, subject)
);
-- An e-mail that its provider has given to somebody else does not make them the person who had it before.
create unique index uq_user_identities_user on app.user_identities (user_id, issuer, client_id);
call ops.protect_global_table('app.user_identities');

-- Of the account and the person that this transaction was entered for: who has no e-mail of a domain does not bind it.
create function app.bind_oidc_domain(p_connection uuid, p_domain text) returns text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform from app.users u
    where u.id = nullif(current_setting('app.current_user_id', true), '')::uuid
      and substring(u.email_norm from '@([^@]+)$') = p_domain;
    if not found then
        return 'foreign';
    end if;
    insert into app.oidc_domains (domain, account_id, connection_id)
    values (p_domain, nullif(current_setting('app.current_account_id', true), '')::uuid, p_connection)
        on conflict (domain) do nothing;
    return case when found then 'bound' else 'taken' end;
end
$$;
call ops.protect_lookup('app.bind_oidc_domain(uuid, text)');

create function app.unbind_oidc_domain(p_connection uuid) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    delete from app.oidc_domains
    where account_id = nullif(current_setting('app.current_account_id', true), '')::uuid and connection_id = p_connection
$$;
call ops.protect_lookup('app.unbind_oidc_domain(uuid)');

-- Where a domain or an account logs in; both, if both are said.
create function app.oidc_connection_for(p_domain text, p_slug text)
    returns table (account_id uuid, connection_id uuid)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select b.account_id, b.connection_id
    from app.oidc_domains b
    join app.account_directory d on d.account_id = b.account_id
    where d.status = 'active'
      and coalesce(p_domain, p_slug) is not null
      and (p_domain is null or b.domain = p_domain)
      and (p_slug is null or d.slug = p_slug)
    order by b.created_at, b.domain
    limit 1
$$;
call ops.protect_lookup('app.oidc_connection_for(text, text)');

create function app.keep_oidc_login(p_state_hash bytea, p_account uuid, p_connection uuid, p_sealed bytea) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    -- Faster than they can come: whoever begins many logins does not fill the disk.
    delete from app.oidc_logins where state_hash in (
        select state_hash from app.oidc_logins where expires_at < now() order by expires_at limit 10 for update skip locked);
    insert into app.oidc_logins (state_hash, account_id, connection_id, sealed)
    values (p_state_hash, p_account, p_connection, p_sealed);
$$;
call ops.protect_lookup('app.keep_oidc_login(bytea, uuid, uuid, bytea)');

-- Once: whatever comes of it, the same state is never taken again.
create function app.take_oidc_login(p_state_hash bytea)
    returns table (account_id uuid, connection_id uuid, sealed bytea)
    language sql volatile security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    with taken as (
        delete from app.oidc_logins l where l.state_hash = p_state_hash
        returning l.account_id, l.connection_id, l.sealed, l.expires_at
    )
    select t.account_id, t.connection_id, t.sealed from taken t where t.expires_at > now()
$$;
call ops.protect_lookup('app.take_oidc_login(bytea)');

-- The person whom an issuer knows as `p_subject`. Whoever is new to us is linked to the active member of this
-- transaction's account who has that e-mail, which the issuer has verified.
create function app.identify(p_issuer text, p_subject text, p_client_id text, p_email text)
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
        where u.email_norm = lower(p_email) and u.status = 'active' and m.status = 'active'
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
call ops.protect_lookup('app.identify(text, text, text, text)');
