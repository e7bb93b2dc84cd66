-- Takes a table out of the registry of kinds before it is dropped: the opposite of ops.protect_tenant_table.

-- No service reaches the table any more. Row security and policies stay on it until it is dropped. A table that is gone
-- already only loses its kind.
create procedure ops.unprotect_table(tbl text)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass(tbl) is not null then
        execute format('revoke all on %s from nexo_app, nexo_auth, nexo_relay, nexo_definer', to_regclass(tbl));
    end if;
    delete from ops.table_kinds where table_name = tbl;
end $$;
revoke all on procedure ops.unprotect_table(text) from public;
