-- What operators do, and when scheduled work is due.

-- Every use of a command that could lose something: what was shown, what was answered, how it ended.
create table ops.operator_log (
    id        uuid        not null primary key,
    at        timestamptz not null default now(),
    actor     text        not null,
    operation text        not null,
    card      jsonb       not null,
    answer    text        not null constraint ck_operator_log_answer check (answer in ('confirmed', 'refused')),
    outcome   text        not null
);
insert into ops.table_kinds values ('ops.operator_log', 'local');

create table ops.schedule (
    job        text        not null primary key,
    next_at    timestamptz not null,
    started_at timestamptz
);
insert into ops.table_kinds values ('ops.schedule', 'local');
