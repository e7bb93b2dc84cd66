-- Clients: the businesses and people an account sells to.

create table app.clients (
    account_id          uuid        not null,
    id                  uuid        not null,
    name                text        not null constraint ck_clients_name check (length(name) between 1 and 200),
    email               text,
    email_norm          text        generated always as (lower(email)) stored,
    phone               text,
    company             text,
    tax_id              text,
    industry            text,
    rating              integer     constraint ck_clients_rating check (rating between 1 and 5),
    website             text,
    billing_street      text,
    billing_city        text,
    billing_region      text,
    billing_postal_code text,
    billing_country     text,
    credit_limit        numeric(19, 4) constraint ck_clients_credit_limit check (credit_limit >= 0),
    currency            char(3)     constraint ck_clients_currency check (currency ~ '^[A-Z]{3}$'),
    status              text        not null default 'lead' constraint ck_clients_status check (status in ('lead', 'active', 'inactive')),
    owner_id            uuid,
    notes               text,
    version             bigint      not null default 1,
    created_at          timestamptz not null default now(),
    created_by          uuid        not null,
    updated_at          timestamptz not null default now(),
    updated_by          uuid        not null,
    deleted_at          timestamptz,
    deleted_by          uuid,
    primary key (account_id, id),
    constraint fk_clients_owner foreign key (account_id, owner_id) references app.memberships (account_id, user_id),
    constraint ck_clients_credit_currency check (credit_limit is null or currency is not null)
);
create unique index uq_clients_tax_id on app.clients (account_id, tax_id) where deleted_at is null;
create index ix_clients_newest on app.clients (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_clients_name on app.clients (account_id, name, id) where deleted_at is null;
create index ix_clients_status on app.clients (account_id, status, created_at desc, id desc) where deleted_at is null;
create index ix_clients_owner on app.clients (account_id, owner_id) where owner_id is not null;
call ops.protect_tenant_table('app.clients');
