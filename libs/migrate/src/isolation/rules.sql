-- Every way in which the catalogue could let one account reach another's rows. Must return no row.
-- Any role may run it: the catalogue is public.
with services as (
    select oid, rolname from pg_roles where rolname in ('nexo_app', 'nexo_auth', 'nexo_relay')
), tables as (
    select c.oid, c.relname, n.nspname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relowner, c.relacl,
           n.nspname || '.' || c.relname as name, k.kind,
           (select a.attnum from pg_attribute a where a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped
              and a.atttypid = 'uuid'::regtype and a.attnotnull) as account,
           exists (select from services s, unnest(array['select', 'insert', 'update', 'delete']) as may
                   where has_table_privilege(s.oid, c.oid, may) or has_any_column_privilege(s.oid, c.oid, case when may = 'delete' then 'select' else may end)) as reachable
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join ops.table_kinds k on k.table_name = n.nspname || '.' || c.relname
    where c.relkind in ('r', 'p', 'f') and n.nspname in ('app', 'app_parts', 'ops', 'public')
), tenants as (
    select * from tables where nspname = 'app' and not relispartition and (kind = 'tenant' or kind is null or reachable)
), guarded as (
    select p.*, t.name, t.kind, pg_get_expr(p.polqual, p.polrelid) as sees, pg_get_expr(p.polwithcheck, p.polrelid) as writes
    from pg_policy p join tables t on t.oid = p.polrelid
), breaches (rule, object) as (
    select 'table has no kind in ops.table_kinds', name from tables where kind is null and not relispartition
    union all
    select 'row security is not enabled', name from tables where nspname in ('app', 'app_parts') and not relrowsecurity
    union all
    select 'row security is not forced', name from tables where nspname in ('app', 'app_parts') and not relforcerowsecurity
    union all
    select 'tenant table has no account_id uuid not null', name from tenants where account is null
    union all
    select 'policy tenant_guard is missing or not the one of ops.protect_tenant_table', name from tenants t
    where not exists (
        select from guarded g where g.polrelid = t.oid and g.polname = 'tenant_guard' and not g.polpermissive and g.polcmd = '*'
            and (select array_agg(oid order by oid) from services) <@ g.polroles
            and g.sees = '(account_id = (NULLIF(current_setting(''app.current_account_id''::text, true), ''''::text))::uuid)'
            and g.writes = g.sees)
    union all
    select 'policy app_rw is missing', name from tenants t
    where not exists (select from guarded g where g.polrelid = t.oid and g.polname = 'app_rw' and g.polpermissive)
    union all
    select 'policy ' || polname || ' is not one of the two of a tenant table', name from guarded
    where polname not in ('tenant_guard', 'app_rw')
      and not (polname = 'lookups' and kind = 'global' and polroles = array[(select oid from pg_roles where rolname = 'nexo_definer')])
      and not (polname in ('search', 'due') and polcmd = 'r' and polroles = array[(select oid from pg_roles where rolname = 'nexo_definer')])
    union all
    select 'policy ' || polname || ' is for PUBLIC', name from guarded where 0::oid = any (polroles)
    union all
    select 'policy app_rw is for a role that is no service', name from guarded
    where polname = 'app_rw' and not polroles <@ (select array_agg(oid) from services)
    union all
    select 'index ' || i.indexrelid::regclass || ' is not led by account_id', t.name
    from pg_index i join tenants t on t.oid = i.indrelid
    where i.indkey[0] is distinct from t.account and (i.indisunique or t.kind is distinct from 'global')
    union all
    select 'foreign key ' || k.conname || ' does not hold account_id on both sides', c.name
    from pg_constraint k join tables c on c.oid = k.conrelid join tables p on p.oid = k.confrelid
    where k.contype = 'f' and k.conparentid = 0 and p.account is not null
      and not exists (select from unnest(k.conkey, k.confkey) as pair (child, parent) where pair.child = c.account and pair.parent = p.account)
    union all
    select 'foreign key ' || k.conname || ' sets columns to null or follows changed keys', c.name
    from pg_constraint k join tenants c on c.oid = k.conrelid
    where k.contype = 'f' and (k.confdeltype in ('n', 'd') or k.confupdtype not in ('a', 'r'))
    union all
    select 'constraint ' || k.conname || ' is an EXCLUDE', c.name from pg_constraint k join tables c on c.oid = k.conrelid where k.contype = 'x'
    union all
    select 'partition is reachable by a service', name from tables where relispartition and reachable
    union all
    select 'partition is outside of app_parts', name from tables where relispartition and nspname <> 'app_parts'
    union all
    select 'schema app_parts is open to ' || rolname, 'app_parts' from services where has_schema_privilege(oid, 'app_parts', 'usage')
    union all
    select 'table without account is reachable by a service', name from tables where nspname = 'app' and reachable and account is null
    union all
    select 'service may write an operator''s table: ' || s.rolname, t.name from tables t, services s
    where t.nspname = 'ops' and (has_table_privilege(s.oid, t.oid, 'insert') or has_table_privilege(s.oid, t.oid, 'update') or has_table_privilege(s.oid, t.oid, 'delete'))
    union all
    select s.rolname || ' may TRUNCATE, REFERENCE or add triggers', t.name from tables t, services s
    where has_table_privilege(s.oid, t.oid, 'truncate') or has_table_privilege(s.oid, t.oid, 'references') or has_table_privilege(s.oid, t.oid, 'trigger')
    union all
    select 'table is not owned by nexo_owner', name from tables where relowner <> 'nexo_owner'::regrole
    union all
    select 'rule rewrites a table''s statements: ' || r.rulename, t.name from pg_rewrite r join tables t on t.oid = r.ev_class
    union all
    select 'view does not run as its reader (security_invoker)', c.oid::regclass::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'v' and n.nspname in ('app', 'app_parts', 'ops', 'public')
      and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false)
    union all
    select 'materialized view holds rows without row security', c.oid::regclass::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'm' and n.nspname in ('app', 'app_parts', 'ops', 'public')
    union all
    select 'function runs as its owner, who is not nexo_definer', p.oid::regprocedure::text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and n.nspname in ('app', 'app_parts', 'ops', 'public') and p.proowner <> 'nexo_definer'::regrole
    union all
    select 'function runs as its owner with an open search_path', p.oid::regprocedure::text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and n.nspname in ('app', 'app_parts', 'ops', 'public')
      and not exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%pg\_temp')
    union all
    select 'function may be called by PUBLIC', p.oid::regprocedure::text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('app', 'app_parts', 'ops')
      and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as held where held.grantee = 0)
    union all
    select 'IMMUTABLE function reads a setting: a kept plan would show one account''s rows to another', p.oid::regprocedure::text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('app', 'ops', 'public') and p.provolatile = 'i'
      and (p.prosrc ~ 'current_setting' or pg_get_function_sqlbody(p.oid) ~ 'current_setting')
    union all
    select 'LEAKPROOF function of our own', p.oid::regprocedure::text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.proleakproof and n.nspname in ('app', 'app_parts', 'ops', 'public')
    union all
    select 'PUBLIC has a privilege', t.name from tables t, aclexplode(t.relacl) as held where held.grantee = 0
    union all
    select 'PUBLIC may use the schema', n.nspname from pg_namespace n, aclexplode(n.nspacl) as held
    where n.nspname in ('app', 'app_parts', 'ops', 'public') and held.grantee = 0
    union all
    select rolname || ' may create in the schema', n.nspname from services s, pg_namespace n
    where n.nspname !~ '^pg_' and has_schema_privilege(s.oid, n.oid, 'create')
    union all
    select rolname || ' may create schemas or temporary tables', current_database() from services
    where has_database_privilege(oid, current_database(), 'create') or has_database_privilege(oid, current_database(), 'temp')
    union all
    select 'sequence counts for all accounts together', c.oid::regclass::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S' and n.nspname in ('app', 'app_parts')
    union all
    select 'role has SUPERUSER, BYPASSRLS, REPLICATION, CREATEROLE or CREATEDB', r.rolname from pg_roles r
    where r.rolname like 'nexo\_%' and (rolsuper or rolreplication or rolcreaterole
        or (rolcreatedb and rolname <> 'nexo_migrator')
        or (rolbypassrls and rolname not in ('nexo_migrator', 'nexo_backup')))
    union all
    select 'role is a member of ' || g.rolname, s.rolname
    from pg_auth_members m join services s on s.oid = m.member join pg_roles g on g.oid = m.roleid
    union all
    select 'role is missing', wanted from unnest(array['nexo_app', 'nexo_auth', 'nexo_relay', 'nexo_owner', 'nexo_definer']) as wanted
    where to_regrole(wanted) is null
    union all
    select 'role may make and read large objects, which belong to no account: run `nexo db roles`', s.rolname from services s
    where exists (
        select from pg_proc p
        where p.pronamespace = 'pg_catalog'::regnamespace and (p.proname like 'lo\_%' or p.proname in ('loread', 'lowrite'))
          and has_function_privilege(s.oid, p.oid, 'execute'))
    union all
    select 'extension reads past row security', extname::text from pg_extension
    where extname in ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'plperlu', 'plpython3u')
)
select rule, object from breaches order by rule, object
