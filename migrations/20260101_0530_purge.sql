-- Records leave the trash for good, and history keeps that they did, not what they were.

-- History is only added to, but for this: what a purged record was is taken out of it. Emptied it can be, and never rewritten.
create function app.keep_history_true() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.before is not null or new.after is not null then
        raise check_violation using constraint = 'ck_audit_log_emptied', message = 'history can be emptied, and not rewritten';
    end if;
    return new;
end
$$;
revoke all on function app.keep_history_true() from public;
create trigger keep_history_true before update on app.audit_log for each row execute function app.keep_history_true();
grant update (before, after) on app.audit_log to nexo_app, nexo_auth;
