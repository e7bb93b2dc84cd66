create table app.bad_slots (
    account_id uuid not null,
    id         uuid not null,
    during     tstzrange not null,
    primary key (account_id, id),
    constraint ex_bad_slots_during exclude using gist (during with &&)
);
call ops.protect_tenant_table('app.bad_slots');
