create table app.bad_bare (account_id uuid not null, id uuid not null, primary key (account_id, id));
