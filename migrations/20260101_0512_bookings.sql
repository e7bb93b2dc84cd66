-- Bookings: the hours of professionals that are taken. Two of one professional never overlap.

create table app.bookings (
    account_id      uuid        not null,
    id              uuid        not null,
    professional_id uuid        not null,
    client_id       uuid,
    project_id      uuid,
    title           text        not null constraint ck_bookings_title check (length(title) between 1 and 200),
    starts_at       timestamptz not null,
    ends_at         timestamptz not null,
    status          text        not null default 'booked' constraint ck_bookings_status check (status in ('booked', 'done', 'cancelled')),
    outside_hours   boolean     not null default false,
    rate            numeric(19, 4) constraint ck_bookings_rate check (rate >= 0),
    unit            text        constraint ck_bookings_unit check (unit in ('hour', 'session', 'fixed')),
    currency        char(3)     constraint ck_bookings_currency check (currency ~ '^[A-Z]{3}$'),
    notes           text,
    version         bigint      not null default 1,
    created_at      timestamptz not null default now(),
    created_by      uuid        not null,
    updated_at      timestamptz not null default now(),
    updated_by      uuid        not null,
    deleted_at      timestamptz,
    deleted_by      uuid,
    primary key (account_id, id),
    constraint fk_bookings_professional foreign key (account_id, professional_id) references app.professionals (account_id, id),
    constraint fk_bookings_client foreign key (account_id, client_id) references app.clients (account_id, id),
    constraint fk_bookings_project foreign key (account_id, project_id) references app.projects (account_id, id),
    constraint ck_bookings_rate_currency check (rate is null or currency is not null),
    -- Whoever looks for what overlaps an hour need not look further back than the longest booking.
    constraint ck_bookings_length check (ends_at > starts_at and ends_at - starts_at <= interval '24 hours')
);
create index ix_bookings_newest on app.bookings (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_bookings_own on app.bookings (account_id, created_by, created_at desc, id desc) where deleted_at is null;
create index ix_bookings_starts on app.bookings (account_id, starts_at, id) where deleted_at is null;
create index ix_bookings_taken on app.bookings (account_id, professional_id, starts_at, ends_at) where status <> 'cancelled' and deleted_at is null;
create index ix_bookings_professional on app.bookings (account_id, professional_id, created_at desc, id desc);
create index ix_bookings_client on app.bookings (account_id, client_id) where client_id is not null;
create index ix_bookings_project on app.bookings (account_id, project_id) where project_id is not null;
call ops.protect_tenant_table('app.bookings');
call ops.make_searchable('app.bookings', $e$coalesce(title, '') || ' ' || coalesce(notes, '')$e$);

-- Bookings of one professional do not overlap; those that are cancelled or in the trash take no time. Without an exclusion
-- constraint, which a sharded cluster does not have: whoever takes time holds the professional first, and then looks.
-- Each statement of a volatile function sees what was committed before it began, so that the second of two who
-- want the same hour finds the first. For each statement rather than each row: however many rows it writes, and in
-- whatever order, it takes the professionals in the order of their ids, and two such statements wait in no circle.
create function app.keep_bookings_apart() returns trigger
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
declare
    placed uuid[];
begin
    if tg_op = 'INSERT' then
        placed := array(select n.id from new_rows n where n.status <> 'cancelled' and n.deleted_at is null);
    else
        placed := array(
            select n.id from new_rows n join old_rows o on o.account_id = n.account_id and o.id = n.id
            where n.status <> 'cancelled' and n.deleted_at is null
              and (o.status = 'cancelled' or o.deleted_at is not null
                   or (o.professional_id, o.starts_at, o.ends_at) is distinct from (n.professional_id, n.starts_at, n.ends_at)));
    end if;
    if cardinality(placed) = 0 then
        return null;
    end if;
    -- A transaction that keeps one snapshot would not see what was committed while it waited. An operator's restore of one
    -- account keeps one, and puts back what was apart.
    if current_setting('transaction_isolation') <> 'read committed'
       and not (select r.rolbypassrls or r.rolsuper from pg_roles r where r.rolname = current_user) then
        raise feature_not_supported using message = 'bookings are written in transactions that are read committed';
    end if;
    -- Not in the way of foreign keys, which take less.
    perform 1 from app.professionals p
    where (p.account_id, p.id) in (select n.account_id, n.professional_id from new_rows n where n.id = any (placed))
    order by p.account_id, p.id
    for no key update;
    perform 1 from new_rows n
    join app.bookings b on b.account_id = n.account_id and b.professional_id = n.professional_id and b.id <> n.id
        and b.status <> 'cancelled' and b.deleted_at is null
        and b.starts_at < n.ends_at and b.starts_at > n.starts_at - interval '24 hours' and b.ends_at > n.starts_at
    where n.id = any (placed)
    limit 1;
    if found then
        raise exclusion_violation using constraint = 'ck_bookings_apart', message = 'two bookings of a professional would overlap';
    end if;
    return null;
end
$$;
revoke all on function app.keep_bookings_apart() from public;
create trigger keep_new_bookings_apart after insert on app.bookings
    referencing new table as new_rows
    for each statement execute function app.keep_bookings_apart();
create trigger keep_changed_bookings_apart after update on app.bookings
    referencing old table as old_rows new table as new_rows
    for each statement execute function app.keep_bookings_apart();
