-- Notifications: what somebody should know about, and which of it they want to.

create table app.notifications (
    account_id   uuid        not null,
    id           uuid        not null,
    recipient_id uuid        not null,
    kind         text        not null constraint ck_notifications_kind check (kind in ('task_assigned', 'mentioned', 'booking_made')),
    subject_type text        not null constraint ck_notifications_subject_type check (length(subject_type) between 1 and 50),
    subject_id   uuid        not null,
    event_id     uuid        not null,
    actor_id     uuid        not null,
    created_at   timestamptz not null default now(),
    read_at      timestamptz,
    primary key (account_id, id),
    constraint fk_notifications_recipient foreign key (account_id, recipient_id) references app.memberships (account_id, user_id) on delete cascade
);
create unique index uq_notifications_event on app.notifications (account_id, recipient_id, event_id, kind);
create index ix_notifications_newest on app.notifications (account_id, recipient_id, id desc);
create index ix_notifications_unread on app.notifications (account_id, recipient_id, id desc) where read_at is null;
call ops.protect_tenant_table('app.notifications');

create table app.notification_preferences (
    account_id uuid        not null,
    user_id    uuid        not null,
    kind       text        not null constraint ck_notification_preferences_kind check (kind in ('task_assigned', 'mentioned', 'booking_made')),
    in_app     boolean     not null,
    updated_at timestamptz not null default now(),
    primary key (account_id, user_id, kind),
    constraint fk_notification_preferences_member foreign key (account_id, user_id) references app.memberships (account_id, user_id) on delete cascade
);
call ops.protect_tenant_table('app.notification_preferences');
