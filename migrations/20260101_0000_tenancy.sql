-- Schemas, kinds of tables, and the two procedures by which every table is protected.

create schema app authorization nexo_owner;
create schema app_parts authorization nexo_owner; -- partitions: readable by name without their parent's row security
grant usage on schema app to nexo_app, nexo_auth, nexo_relay, nexo_definer;
grant usage on schema ops to nexo_app, nexo_auth, nexo_relay;

create table ops.table_kinds (
    table_name text primary key,
    kind       text not null constraint ck_table_kinds_kind check (kind in ('tenant', 'global', 'local'))
);
grant select on ops.table_kinds to nexo_app, nexo_auth, nexo_relay;
insert into ops.table_kinds values ('ops.table_kinds', 'local'), ('ops.migration_history', 'local');

-- Enters an account for the rest of the transaction. libs/db opens transactions with the same three settings, as
-- statements beside the `begin`; this is for whoever is inside of one already.
create function app.enter(account uuid, person uuid, request uuid) returns text
    language sql volatile
    return set_config('app.current_account_id', account::text, true)
        || set_config('app.current_user_id', person::text, true)
        || set_config('app.current_request_id', request::text, true);
revoke all on function app.enter(uuid, uuid, uuid) from public;
grant execute on function app.enter(uuid, uuid, uuid) to nexo_app, nexo_auth, nexo_relay;

-- A tenant table: row security on and forced, one restrictive guard for every service role, one permissive policy
-- for the roles that work with it, their grants, and its kind. A later permissive policy can never widen the guard.
-- `nullif`: after a transaction-local setting ends, a pooled connection holds ''.
create procedure ops.protect_tenant_table(tbl regclass, workers text[] default array['nexo_app'])
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    guard constant text := $g$account_id = nullif(current_setting('app.current_account_id', true), '')::uuid$g$;
    worker_list text := (select string_agg(quote_ident(worker), ', ') from unnest(workers) as worker);
begin
    execute format('alter table %s enable row level security', tbl);
    execute format('alter table %s force row level security', tbl);
    execute format('create policy tenant_guard on %s as restrictive for all to nexo_app, nexo_auth, nexo_relay using (%s) with check (%2$s)', tbl, guard);
    execute format('create policy app_rw on %s for all to %s using (true) with check (true)', tbl, worker_list);
    execute format('grant select, insert, update, delete on %s to %s', tbl, worker_list);
    insert into ops.table_kinds values (tbl::text, 'tenant');
end $$;

-- A global table: nobody reaches it but the look-ups of nexo_definer.
create procedure ops.protect_global_table(tbl regclass)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', tbl);
    execute format('alter table %s force row level security', tbl);
    execute format('create policy lookups on %s for all to nexo_definer using (true) with check (true)', tbl);
    execute format('grant select, insert, update on %s to nexo_definer', tbl);
    insert into ops.table_kinds values (tbl::text, 'global');
end $$;

-- A function that runs before an account is known: owned by nexo_definer, for the auth-service alone.
create procedure ops.protect_lookup(lookup regprocedure)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('revoke all on function %s from public', lookup);
    execute format('grant execute on function %s to nexo_auth', lookup);
    grant create on schema app to nexo_definer; -- an owner must be able to create there; for this moment only
    execute format('alter function %s owner to nexo_definer', lookup);
    revoke create on schema app from nexo_definer;
end $$;
revoke all on procedure ops.protect_tenant_table(regclass, text[]) from public;
revoke all on procedure ops.protect_global_table(regclass) from public;
revoke all on procedure ops.protect_lookup(regprocedure) from public;
