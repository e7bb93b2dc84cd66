-- The roles of NEXO, for a superuser to run once a cluster (it may run again). Not a migration: a dump of the
-- database holds no roles. Passwords are set apart from this, by the caller.

do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            -- Owns every object; nobody logs in as it.
            ('nexo_owner',    'nologin nobypassrls nocreatedb'),
            -- Owns the narrow look-ups that run before an account is known.
            ('nexo_definer',  'nologin nobypassrls nocreatedb'),
            -- Migrations. Must bypass row security: a forced owner updates no rows, silently.
            -- Restores go into a database of their own, which it makes and swaps in.
            ('nexo_migrator', 'login bypassrls inherit createdb'),
            -- crm-service and api-gateway.
            ('nexo_app',      'login nobypassrls noinherit nocreatedb'),
            -- auth-service.
            ('nexo_auth',     'login nobypassrls noinherit nocreatedb'),
            -- The outbox relay and scheduled work.
            ('nexo_relay',    'login nobypassrls noinherit nocreatedb'),
            -- Backups read every table of ours and write nothing. Not pg_read_all_data: that reads pg_authid as well, and in
            -- it what proves the passwords of all roles.
            ('nexo_backup',   'login bypassrls inherit nocreatedb')
        ) as roles (name, attributes)
    loop
        begin
            execute format('create role %I', wanted.name);
        exception when duplicate_object or unique_violation then
            null; -- another server process was faster
        end;
        execute format('alter role %I nosuperuser nocreaterole noreplication %s', wanted.name, wanted.attributes);
    end loop;
end $$;

grant nexo_owner, nexo_definer to nexo_migrator;
grant pg_read_all_stats to nexo_migrator; -- names who is in its way
grant pg_signal_backend to nexo_migrator; -- ends the sessions of a database that another takes the place of
alter role nexo_backup set default_transaction_read_only = on;

-- What a request may take, so that one bad request cannot hold the database.
do $$
declare
    service text;
begin
    foreach service in array array['nexo_app', 'nexo_auth', 'nexo_relay'] loop
        execute format('alter role %I set statement_timeout = %L', service, '10s');
        execute format('alter role %I set lock_timeout = %L', service, '3s');
        execute format('alter role %I set idle_in_transaction_session_timeout = %L', service, '15s');
        execute format('alter role %I set client_connection_check_interval = %L', service, '2s');
        execute format('alter role %I set search_path = %L', service, 'app');
        execute format('alter role %I set jit = off', service); -- compiling costs more than our statements take
    end loop;
end $$;
