-- nexo:no-transaction
-- Somebody's own clients, newest first: what a list shows to those who may see no others.

create index concurrently ix_clients_own on app.clients (account_id, owner_id, created_at desc, id desc) where deleted_at is null;
