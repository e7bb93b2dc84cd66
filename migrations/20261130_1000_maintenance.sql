-- Maintenance: for a while nobody writes, and everybody reads. Each transaction that is to write asks, in the message that opens it.

create table ops.maintenance (
    is_only  boolean     not null primary key default true constraint ck_maintenance_is_only check (is_only), -- one row, or none
    until    timestamptz not null,             -- it ends by itself
    reason   text        not null constraint ck_maintenance_reason check (length(reason) between 1 and 500), -- what people are told
    began_at timestamptz not null default now(),
    actor    text        not null
);
insert into ops.table_kinds values ('ops.maintenance', 'local');
grant select on ops.maintenance to nexo_app, nexo_auth;

-- Tells a transaction that it may not write now: for which reason, and for how many seconds.
create function app.refuse_write(p_reason text, p_until timestamptz) returns void
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '%', p_reason
        using errcode = 'NX503', detail = greatest(1, ceil(extract(epoch from p_until - clock_timestamp())))::text;
end
$$;
revoke all on function app.refuse_write(text, timestamptz) from public;
grant execute on function app.refuse_write(text, timestamptz) to nexo_app, nexo_auth;
