-- nexo:no-transaction
-- What is in the trash, the newest there first: where it is listed.

create index concurrently ix_professionals_trash on app.professionals (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_bookings_trash on app.bookings (account_id, updated_at desc, id desc) where deleted_at is not null;
create index concurrently ix_supplier_relations_trash on app.supplier_relations (account_id, updated_at desc, id desc) where deleted_at is not null;
