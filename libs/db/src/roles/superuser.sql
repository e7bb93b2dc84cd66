-- What only a superuser can take away, in the database of this connection (it may run again).

-- Large objects belong to no account: whoever can run SQL as a service's role could leave some for others, in no table and in no
-- count of a backup. PostgreSQL lets everybody make them.
do $$
declare
    taken regprocedure;
begin
    for taken in
        select oid::regprocedure from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and (proname like 'lo\_%' or proname in ('loread', 'lowrite'))
          and exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) as held where held.grantee = 0)
    loop
        execute format('revoke execute on function %s from public', taken);
    end loop;
end $$;
