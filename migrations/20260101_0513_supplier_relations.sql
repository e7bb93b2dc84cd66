-- What suppliers are to one another.

create table app.supplier_relations (
    account_id uuid        not null,
    id         uuid        not null,
    from_id    uuid        not null,
    to_id      uuid        not null constraint ck_supplier_relations_other check (to_id <> from_id),
    kind       text        not null constraint ck_supplier_relations_kind check (kind in ('parent', 'partner', 'alternative', 'distributor')),
    notes      text,
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null,
    deleted_at timestamptz,
    deleted_by uuid,
    primary key (account_id, id),
    constraint fk_supplier_relations_from foreign key (account_id, from_id) references app.suppliers (account_id, id),
    constraint fk_supplier_relations_to foreign key (account_id, to_id) references app.suppliers (account_id, id)
);
-- Whichever stands first: a partner of a partner is the same, and nobody is the parent of their parent.
create unique index uq_supplier_relations_pair on app.supplier_relations (account_id, least(from_id, to_id), greatest(from_id, to_id), kind)
    where deleted_at is null;
create index ix_supplier_relations_newest on app.supplier_relations (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_supplier_relations_from on app.supplier_relations (account_id, from_id, created_at desc, id desc);
create index ix_supplier_relations_to on app.supplier_relations (account_id, to_id, created_at desc, id desc);
call ops.protect_tenant_table('app.supplier_relations');
