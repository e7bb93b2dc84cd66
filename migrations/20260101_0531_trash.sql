-- nexo:no-transaction
-- What is in the trash, the newest there first: where it is listed.

create index concurrently ix_clients_trash on app.clients (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_contacts_trash on app.contacts (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_suppliers_trash on app.suppliers (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_employees_trash on app.employees (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_projects_trash on app.projects (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_tasks_trash on app.tasks (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_notes_trash on app.notes (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_activities_trash on app.activities (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_tags_trash on app.tags (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_teams_trash on app.teams (account_id, updated_at desc, id desc) where deleted_at is not null;
