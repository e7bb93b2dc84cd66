-- What the write path keeps beside every change, in the same transaction: history, events, answers to replay.

create table app.audit_log (
    account_id  uuid        not null,
    id          uuid        not null,
    resource    text        not null,
    record_id   uuid        not null,
    action      text        not null,
    version     bigint      not null,
    before      jsonb,
    after       jsonb,
    request_id  uuid        not null,
    created_at  timestamptz not null default now(),
    created_by  uuid        not null,
    primary key (account_id, id, created_at)
) partition by range (created_at);
create index ix_audit_log_record on app.audit_log (account_id, record_id, id desc);
call ops.protect_tenant_table('app.audit_log', array['nexo_app', 'nexo_auth']);
revoke update, delete on app.audit_log from nexo_app, nexo_auth; -- history is only added to

create procedure ops.make_audit_partitions(months_ahead integer)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    first_day date;
    part text;
begin
    for month in 0..months_ahead loop
        first_day := date_trunc('month', now() at time zone 'utc') + make_interval(months => month);
        part := 'audit_log_' || to_char(first_day, 'YYYY_MM');
        continue when to_regclass('app_parts.' || part) is not null;
        execute format('create table app_parts.%I partition of app.audit_log for values from (%L) to (%L)',
            part, first_day::text || ' 00:00:00+00', (first_day + interval '1 month')::date::text || ' 00:00:00+00');
        execute format('alter table app_parts.%I enable row level security', part);
        execute format('alter table app_parts.%I force row level security', part);
        execute format('alter table app_parts.%I owner to nexo_owner', part);
    end loop;
end $$;
revoke all on procedure ops.make_audit_partitions(integer) from public;
call ops.make_audit_partitions(12);

-- Catches what no month takes, so that a write never fails for want of a partition.
create table app_parts.audit_log_rest partition of app.audit_log default;
alter table app_parts.audit_log_rest enable row level security;
alter table app_parts.audit_log_rest force row level security;

create table app.outbox (
    account_id uuid        not null,
    id         uuid        not null,
    topic      text        not null,
    resource   text        not null,
    record_id  uuid        not null,
    version    bigint      not null,
    payload    jsonb       not null,
    request_id uuid        not null,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    primary key (account_id, id)
);
call ops.protect_tenant_table('app.outbox', array['nexo_app', 'nexo_auth', 'nexo_relay']);
revoke select, update, delete on app.outbox from nexo_app, nexo_auth; -- services only add; the relay takes away
revoke insert on app.outbox from nexo_relay;

create table app.idempotency_keys (
    account_id  uuid        not null,
    user_id     uuid        not null,
    key         text        not null constraint ck_idempotency_keys_key check (length(key) between 1 and 255),
    fingerprint bytea       not null,
    status      smallint    not null,
    headers     jsonb       not null,
    body        bytea       not null,
    created_at  timestamptz not null default now(),
    primary key (account_id, user_id, key)
);
create index ix_idempotency_keys_age on app.idempotency_keys (account_id, created_at);
call ops.protect_tenant_table('app.idempotency_keys', array['nexo_app', 'nexo_auth']);
