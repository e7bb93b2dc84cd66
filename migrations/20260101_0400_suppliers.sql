-- Suppliers: the businesses an account buys from.

create table app.suppliers (
    account_id     uuid        not null,
    id             uuid        not null,
    name           text        not null constraint ck_suppliers_name check (length(name) between 1 and 200),
    email          text,
    phone          text,
    tax_id         text,
    website        text,
    payment_days   integer     constraint ck_suppliers_payment_days check (payment_days between 0 and 365),
    lead_time_days integer     constraint ck_suppliers_lead_time_days check (lead_time_days between 0 and 3650),
    rating         integer     constraint ck_suppliers_rating check (rating between 0 and 5),
    categories     text[]      not null default '{}',
    currency       char(3)     constraint ck_suppliers_currency check (currency ~ '^[A-Z]{3}$'),
    external_ids   jsonb       not null default '{}' constraint ck_suppliers_external_ids check (jsonb_typeof(external_ids) = 'object'),
    street         text,
    city           text,
    region         text,
    postal_code    text,
    country        text,
    owner_id       uuid,
    notes          text,
    version        bigint      not null default 1,
    created_at     timestamptz not null default now(),
    created_by     uuid        not null,
    updated_at     timestamptz not null default now(),
    updated_by     uuid        not null,
    deleted_at     timestamptz,
    deleted_by     uuid,
    primary key (account_id, id),
    constraint fk_suppliers_owner foreign key (account_id, owner_id) references app.memberships (account_id, user_id)
);
create unique index uq_suppliers_tax_id on app.suppliers (account_id, tax_id) where deleted_at is null;
create index ix_suppliers_newest on app.suppliers (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_suppliers_name on app.suppliers (account_id, name, id) where deleted_at is null;
create index ix_suppliers_owner on app.suppliers (account_id, owner_id) where owner_id is not null;
create index ix_suppliers_own on app.suppliers (account_id, owner_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.suppliers');
