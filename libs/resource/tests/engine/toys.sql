-- Two tables for the engine's own tests: boxes, and the toys in them.

create table app.boxes (
    account_id uuid        not null,
    id         uuid        not null,
    name       text        not null constraint ck_boxes_name check (length(name) between 1 and 80),
    size       integer     constraint ck_boxes_size check (size between 1 and 1000),
    owner_id   uuid,
    version    bigint      not null default 1,
    created_at timestamptz not null default now(),
    created_by uuid        not null,
    updated_at timestamptz not null default now(),
    updated_by uuid        not null,
    deleted_at timestamptz,
    deleted_by uuid,
    primary key (account_id, id),
    constraint fk_boxes_owner foreign key (account_id, owner_id) references app.memberships (account_id, user_id)
);
create index ix_boxes_owner on app.boxes (account_id, owner_id);
create unique index uq_boxes_name on app.boxes (account_id, lower(name)) where deleted_at is null;
create index ix_boxes_newest on app.boxes (account_id, created_at desc, id desc) where deleted_at is null;
call ops.protect_tenant_table('app.boxes');
call ops.make_searchable('app.boxes', array[['name', $e$coalesce(name, '')$e$]]);

create table app.toys (
    account_id uuid          not null,
    id         uuid          not null,
    name       text          not null constraint ck_toys_name check (length(name) between 1 and 80),
    state      text          not null constraint ck_toys_state check (state in ('new', 'used', 'broken')),
    price      numeric(20,4) constraint ck_toys_price check (price >= 0),
    made_on    date,
    is_loud    boolean       not null,
    box_id     uuid          not null,
    version    bigint        not null default 1,
    created_at timestamptz   not null default now(),
    created_by uuid          not null,
    updated_at timestamptz   not null default now(),
    updated_by uuid          not null,
    deleted_at timestamptz,
    deleted_by uuid,
    primary key (account_id, id),
    constraint fk_toys_box foreign key (account_id, box_id) references app.boxes (account_id, id)
);
create index ix_toys_newest on app.toys (account_id, created_at desc, id desc) where deleted_at is null;
create index ix_toys_box on app.toys (account_id, box_id);
call ops.protect_tenant_table('app.toys');
