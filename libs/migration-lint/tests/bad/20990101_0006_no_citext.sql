create table app.bad_citext (account_id uuid not null, id uuid not null, email citext not null, primary key (account_id, id));
call ops.protect_tenant_table('app.bad_citext');
