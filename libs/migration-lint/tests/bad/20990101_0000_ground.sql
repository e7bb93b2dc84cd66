-- A table that does nothing wrong, for the files after it to do it to.
create table app.grounds (
    account_id uuid        not null,
    id         uuid        not null,
    name       text        not null,
    note       text,
    client_id  uuid,
    weight     integer     not null,
    created_at timestamptz not null default now(),
    primary key (account_id, id)
);
create index ix_grounds_name on app.grounds (account_id, name);
call ops.protect_tenant_table('app.grounds');
create table app.bystanders (account_id uuid not null, id uuid not null, primary key (account_id, id));
call ops.protect_tenant_table('app.bystanders');
