-- What each consumer of events has done, so that it does nothing twice; and what it could not do.

create table app.consumed_events (
    account_id  uuid        not null,
    consumer    text        not null constraint ck_consumed_events_consumer check (length(consumer) between 1 and 50),
    event_id    uuid        not null,
    consumed_at timestamptz not null default now(),
    primary key (account_id, consumer, event_id)
);
call ops.protect_tenant_table('app.consumed_events', array['nexo_app', 'nexo_auth']);

-- Where there is no broker, events that cannot be handled wait here; with one, they wait in a queue.
create table app.parked_events (
    account_id uuid        not null,
    consumer   text        not null constraint ck_parked_events_consumer check (length(consumer) between 1 and 50),
    event_id   uuid        not null,
    reason     text        not null,
    event      jsonb       not null,
    parked_at  timestamptz not null default now(),
    primary key (account_id, consumer, event_id)
);
call ops.protect_tenant_table('app.parked_events', array['nexo_app', 'nexo_auth']);
