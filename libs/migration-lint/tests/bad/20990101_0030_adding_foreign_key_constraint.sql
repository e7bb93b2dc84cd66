-- nexo:allow constraint-missing-not-valid because another file is about that
alter table app.grounds add constraint fk_grounds_client foreign key (account_id, client_id) references app.clients (account_id, id);
