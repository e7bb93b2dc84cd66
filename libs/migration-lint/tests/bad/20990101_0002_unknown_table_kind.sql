create table ops.bad_notes (id uuid not null primary key);
