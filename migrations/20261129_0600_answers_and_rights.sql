-- Kept answers know what their reader saw, so that a request that is sent again shows no more than its caller may see now.

alter table app.idempotency_keys
    add column sight      bytea,
    add column record_ids uuid[];
comment on column app.idempotency_keys.sight is
    'SHA-256 of the permissions by which the answer was given; null in answers of an earlier release';
comment on column app.idempotency_keys.record_ids is 'The records that the answer shows';
