-- People, the accounts they work in, and what they may do there.

create table app.users (
    id           uuid        not null primary key,
    email        text        not null constraint ck_users_email check (length(email) between 3 and 254),
    email_norm   text        not null generated always as (lower(email)) stored,
    display_name text        not null constraint ck_users_display_name check (length(display_name) between 1 and 200),
    status       text        not null default 'active' constraint ck_users_status check (status in ('active', 'suspended')),
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now()
);
create unique index uq_users_email on app.users (email_norm);
call ops.protect_global_table('app.users');

create table app.user_credentials (
    user_id       uuid        not null primary key constraint fk_user_credentials_user references app.users (id),
    password_hash text        not null,
    updated_at    timestamptz not null default now()
);
call ops.protect_global_table('app.user_credentials');

-- Finds an account before anybody is inside it: by its slug, or by its id for limits.
create table app.account_directory (
    account_id uuid        not null primary key,
    slug       text        not null constraint ck_account_directory_slug check (slug ~ '^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$'),
    plan       text        not null default 'free' constraint ck_account_directory_plan check (plan in ('free', 'starter', 'pro', 'enterprise')),
    status     text        not null default 'active' constraint ck_account_directory_status check (status in ('active', 'suspended')),
    created_at timestamptz not null default now()
);
create unique index uq_account_directory_slug on app.account_directory (slug);
call ops.protect_global_table('app.account_directory');

create table app.accounts (
    account_id uuid        not null primary key constraint fk_accounts_directory references app.account_directory (account_id),
    name       text        not null constraint ck_accounts_name check (length(name) between 1 and 200),
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null
);
call ops.protect_tenant_table('app.accounts', array['nexo_auth', 'nexo_app']);
revoke insert, update, delete on app.accounts from nexo_app;

-- Global, so that a login can find a person's accounts; guarded like a tenant table otherwise.
create table app.memberships (
    account_id   uuid        not null constraint fk_memberships_account references app.accounts (account_id),
    user_id      uuid        not null constraint fk_memberships_user references app.users (id),
    status       text        not null default 'active' constraint ck_memberships_status check (status in ('active', 'suspended')),
    last_used_at timestamptz,
    created_at   timestamptz not null default now(),
    primary key (account_id, user_id)
);
create index ix_memberships_user on app.memberships (user_id, account_id);
call ops.protect_tenant_table('app.memberships', array['nexo_auth', 'nexo_app']);
revoke insert, update, delete on app.memberships from nexo_app; -- nobody promotes themselves
create policy lookups on app.memberships for select to nexo_definer using (true);
grant select on app.memberships to nexo_definer;
update ops.table_kinds set kind = 'global' where table_name = 'app.memberships';

create table app.roles (
    account_id uuid        not null,
    id         uuid        not null,
    name       text        not null constraint ck_roles_name check (length(name) between 1 and 100),
    standard   boolean     not null default false,
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null,
    primary key (account_id, id)
);
create unique index uq_roles_name on app.roles (account_id, name);
call ops.protect_tenant_table('app.roles', array['nexo_auth']);

create table app.role_permissions (
    account_id uuid not null,
    role_id    uuid not null,
    permission text not null constraint ck_role_permissions_permission check (permission ~ '^([a-z_]+|\*):([a-z_]+|\*)$'),
    primary key (account_id, role_id, permission),
    constraint fk_role_permissions_role foreign key (account_id, role_id) references app.roles (account_id, id) on delete cascade
);
call ops.protect_tenant_table('app.role_permissions', array['nexo_auth']);

create table app.member_roles (
    account_id uuid not null,
    user_id    uuid not null,
    role_id    uuid not null,
    primary key (account_id, user_id, role_id),
    constraint fk_member_roles_member foreign key (account_id, user_id) references app.memberships (account_id, user_id) on delete cascade,
    constraint fk_member_roles_role foreign key (account_id, role_id) references app.roles (account_id, id)
);
create index ix_member_roles_role on app.member_roles (account_id, role_id);
call ops.protect_tenant_table('app.member_roles', array['nexo_auth']);

-- A refresh token is not stored: it is authenticated by `seed` and the server's key, so neither alone makes one.
create table app.sessions (
    account_id  uuid        not null,
    id          uuid        not null,
    user_id     uuid        not null,
    seed        bytea       not null,
    generation  integer     not null default 0,
    rotated_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    revoked_at  timestamptz,
    revoked_for text constraint ck_sessions_revoked_for check (revoked_for in ('logout', 'reuse')),
    user_agent  text,
    created_at  timestamptz not null default now(),
    primary key (account_id, id),
    constraint fk_sessions_member foreign key (account_id, user_id) references app.memberships (account_id, user_id) on delete cascade
);
create index ix_sessions_user on app.sessions (account_id, user_id);
call ops.protect_tenant_table('app.sessions', array['nexo_auth']);
