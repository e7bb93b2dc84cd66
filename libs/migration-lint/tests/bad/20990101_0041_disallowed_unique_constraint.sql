-- nexo:allow constraint-missing-not-valid because another file is about that
alter table app.grounds add constraint uq_grounds_name unique (account_id, name);
