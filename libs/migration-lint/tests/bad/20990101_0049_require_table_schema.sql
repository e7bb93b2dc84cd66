-- nexo:allow unknown-table-kind because another file is about that
create table bad_lost (id uuid not null primary key);
