-- Contacts: people at a client or a supplier.

create table app.contacts (
    account_id        uuid        not null,
    id                uuid        not null,
    client_id         uuid,
    supplier_id       uuid,
    first_name        text        not null constraint ck_contacts_first_name check (length(first_name) between 1 and 100),
    last_name         text,
    job_title         text,
    is_primary        boolean     not null default false,
    emails            jsonb       not null default '[]' constraint ck_contacts_emails check (jsonb_typeof(emails) = 'array'),
    phones            jsonb       not null default '[]' constraint ck_contacts_phones check (jsonb_typeof(phones) = 'array'),
    birthday          date,
    email_consent     boolean     not null default false,
    phone_consent     boolean     not null default false,
    marketing_consent boolean     not null default false,
    owner_id          uuid,
    notes             text,
    version           bigint      not null default 1,
    created_at        timestamptz not null default now(),
    created_by        uuid        not null,
    updated_at        timestamptz not null default now(),
    updated_by        uuid        not null,
    deleted_at        timestamptz,
    deleted_by        uuid,
    primary key (account_id, id),
    constraint fk_contacts_client foreign key (account_id, client_id) references app.clients (account_id, id),
    constraint fk_contacts_supplier foreign key (account_id, supplier_id) references app.suppliers (account_id, id),
    constraint fk_contacts_owner foreign key (account_id, owner_id) references app.memberships (account_id, user_id)
);
create unique index uq_contacts_client_primary on app.contacts (account_id, client_id) where is_primary and deleted_at is null;
create unique index uq_contacts_supplier_primary on app.contacts (account_id, supplier_id) where is_primary and deleted_at is null;
create index ix_contacts_newest on app.contacts (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_contacts_name on app.contacts (account_id, last_name, first_name, id) where deleted_at is null;
create index ix_contacts_client on app.contacts (account_id, client_id, created_at desc, id desc) where client_id is not null;
create index ix_contacts_supplier on app.contacts (account_id, supplier_id, created_at desc, id desc) where supplier_id is not null;
create index ix_contacts_owner on app.contacts (account_id, owner_id) where owner_id is not null;
create index ix_contacts_own on app.contacts (account_id, owner_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.contacts');
