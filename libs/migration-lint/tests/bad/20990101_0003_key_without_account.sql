create table app.bad_keys (
    account_id uuid not null,
    id         uuid not null,
    client_id  uuid not null,
    primary key (account_id, id),
    constraint uq_bad_keys_client unique (client_id)
);
call ops.protect_tenant_table('app.bad_keys');
