create table app.bad_serial (account_id uuid not null, id bigserial not null, primary key (account_id, id));
call ops.protect_tenant_table('app.bad_serial');
