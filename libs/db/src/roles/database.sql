-- One database of NEXO, for a superuser connected to it (it may run again).

do $$
begin
    execute format('revoke all on database %I from public', current_database()); -- ends TEMP and CONNECT for everyone
    execute format('grant connect on database %I to nexo_app, nexo_auth, nexo_relay, nexo_backup, nexo_migrator', current_database());
    execute format('grant create, temporary on database %I to nexo_migrator, nexo_owner', current_database());
end $$;

revoke all on schema public from public;
