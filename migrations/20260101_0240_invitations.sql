-- Invitations: who may come in, as what, until when. Of the token only the hash is kept.

create table app.invitations (
    account_id  uuid        not null,
    id          uuid        not null,
    email       text        not null constraint ck_invitations_email check (length(email) between 3 and 254),
    email_norm  text        not null generated always as (lower(email)) stored,
    role_id     uuid        not null,
    token_hash  bytea       not null,
    expires_at  timestamptz not null default now() + interval '7 days',
    accepted_at timestamptz,
    revoked_at  timestamptz,
    created_at  timestamptz not null default now(),
    created_by  uuid        not null,
    primary key (account_id, id),
    constraint fk_invitations_role foreign key (account_id, role_id) references app.roles (account_id, id)
);
create unique index uq_invitations_email on app.invitations (account_id, email_norm) where accepted_at is null and revoked_at is null;
create index ix_invitations_role on app.invitations (account_id, role_id);
call ops.protect_tenant_table('app.invitations', array['nexo_auth']);
