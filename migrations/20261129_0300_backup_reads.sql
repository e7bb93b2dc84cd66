-- Backups read tables by grants of their own, and so nothing of PostgreSQL's: pg_read_all_data reads what proves the passwords
-- of all roles as well. What is made after this is given to them as it is made.

grant usage on schema app, app_parts, ops, ext to nexo_backup;
grant select on all tables in schema app, app_parts, ops to nexo_backup;
grant select on all sequences in schema app, app_parts, ops to nexo_backup;
alter default privileges grant usage on schemas to nexo_backup;
alter default privileges grant select on tables to nexo_backup;
alter default privileges grant select on sequences to nexo_backup;
