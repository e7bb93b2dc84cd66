alter table app.grounds alter column weight type bigint;
