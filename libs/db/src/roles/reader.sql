-- What nexo_backup reads, in the database of this connection: every table, for whoever owns them or a superuser (it may run
-- again). Migrations give it what they make; this is for what was made before they did, or came out of an older backup.

do $$
declare
    statement text;
begin
    if to_regrole('nexo_backup') is null then
        return;
    end if;
    for statement in
        select format('grant usage on schema %I to nexo_backup', n.nspname)
        from pg_namespace n
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and pg_has_role(n.nspowner, 'usage')
          and n.nspname <> 'public' and not has_schema_privilege('nexo_backup', n.oid, 'usage')
        union all
        select format('grant select on %s to nexo_backup', c.oid::regclass)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'S') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and pg_has_role(c.relowner, 'usage')
          and not exists (
              select from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as held
              where held.grantee = 'nexo_backup'::regrole and held.privilege_type = 'SELECT')
    loop
        execute statement;
    end loop;
end $$;
