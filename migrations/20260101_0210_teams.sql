-- Teams: members who work on each other's records, where a permission reaches that far.

create table app.teams (
    account_id  uuid        not null,
    id          uuid        not null,
    name        text        not null constraint ck_teams_name check (length(name) between 1 and 100),
    version     bigint      not null default 1,
    created_at  timestamptz not null default now(),
    created_by  uuid        not null,
    updated_at  timestamptz not null default now(),
    updated_by  uuid        not null,
    deleted_at  timestamptz,
    deleted_by  uuid,
    primary key (account_id, id)
);
create unique index uq_teams_name on app.teams (account_id, name) where deleted_at is null;
create index ix_teams_newest on app.teams (account_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.teams', array['nexo_auth', 'nexo_app']);
revoke insert, update, delete on app.teams from nexo_app;

create table app.team_members (
    account_id uuid not null,
    team_id    uuid not null,
    user_id    uuid not null,
    primary key (account_id, team_id, user_id),
    constraint fk_team_members_team foreign key (account_id, team_id) references app.teams (account_id, id) on delete cascade,
    constraint fk_team_members_member foreign key (account_id, user_id) references app.memberships (account_id, user_id) on delete cascade
);
create index ix_team_members_user on app.team_members (account_id, user_id, team_id);
call ops.protect_tenant_table('app.team_members', array['nexo_auth', 'nexo_app']);
revoke insert, update, delete on app.team_members from nexo_app;

-- Whoever serves records tells why somebody can or cannot: from the roles, which it may only read.
-- nexo:allow weakens-row-security because the guard stays, and one more service reads behind it
alter policy app_rw on app.roles to nexo_auth, nexo_app;
-- nexo:allow weakens-row-security because the guard stays, and one more service reads behind it
alter policy app_rw on app.member_roles to nexo_auth, nexo_app;
grant select on app.roles, app.member_roles to nexo_app;
