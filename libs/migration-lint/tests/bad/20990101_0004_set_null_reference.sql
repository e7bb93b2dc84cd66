create table app.bad_references (
    account_id uuid not null,
    id         uuid not null,
    client_id  uuid not null,
    primary key (account_id, id),
    constraint fk_bad_references_client foreign key (account_id, client_id) references app.clients (account_id, id) on delete set null
);
call ops.protect_tenant_table('app.bad_references');
