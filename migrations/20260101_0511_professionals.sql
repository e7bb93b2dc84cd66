-- Professionals: the people whom an account works with and books by the hour.

create table app.professionals (
    account_id     uuid        not null,
    id             uuid        not null,
    name           text        not null constraint ck_professionals_name check (length(name) between 1 and 200),
    email          text,
    phone          text,
    specialties    text[]      not null default '{}',
    skills         jsonb       not null default '[]' constraint ck_professionals_skills check (jsonb_typeof(skills) = 'array'),
    services       jsonb       not null default '[]' constraint ck_professionals_services check (jsonb_typeof(services) = 'array'),
    certifications jsonb       not null default '[]' constraint ck_professionals_certifications check (jsonb_typeof(certifications) = 'array'),
    rating         integer     constraint ck_professionals_rating check (rating between 0 and 5),
    portfolio_url  text,
    currency       char(3)     constraint ck_professionals_currency check (currency ~ '^[A-Z]{3}$'),
    time_zone      text        not null constraint ck_professionals_time_zone check (length(time_zone) between 1 and 100),
    weekly_hours   jsonb       not null default '[]' constraint ck_professionals_weekly_hours check (jsonb_typeof(weekly_hours) = 'array'),
    exceptions     jsonb       not null default '[]' constraint ck_professionals_exceptions check (jsonb_typeof(exceptions) = 'array'),
    status         text        not null default 'active' constraint ck_professionals_status check (status in ('active', 'inactive')),
    owner_id       uuid,
    bio            text,
    version        bigint      not null default 1,
    created_at     timestamptz not null default now(),
    created_by     uuid        not null,
    updated_at     timestamptz not null default now(),
    updated_by     uuid        not null,
    deleted_at     timestamptz,
    deleted_by     uuid,
    primary key (account_id, id),
    constraint fk_professionals_owner foreign key (account_id, owner_id) references app.memberships (account_id, user_id)
);
create index ix_professionals_newest on app.professionals (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_professionals_name on app.professionals (account_id, name, id) where deleted_at is null;
create index ix_professionals_active on app.professionals (account_id, id) where status = 'active' and deleted_at is null;
create index ix_professionals_owner on app.professionals (account_id, owner_id) where owner_id is not null;
create index ix_professionals_own on app.professionals (account_id, owner_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.professionals');
call ops.make_searchable('app.professionals',
    $e$coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || coalesce(phone, '') || ' '
       || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g') || ' '
       || jsonb_path_query_array(skills, '$[*].name')::text || ' ' || jsonb_path_query_array(services, '$[*].name')::text || ' '
       || coalesce(bio, '')$e$);
