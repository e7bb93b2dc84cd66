-- In which part of which trace an event was written, so that whoever works on it goes on with that (W3C Trace Context).

-- nexo:allow scans-under-lock because the outbox is a queue: what waits in it was written moments ago
alter table app.outbox add column traceparent text constraint ck_outbox_traceparent check (length(traceparent) <= 64);
