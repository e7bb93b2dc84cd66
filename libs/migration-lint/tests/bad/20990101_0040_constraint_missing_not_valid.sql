alter table app.grounds add constraint ck_grounds_weight check (weight > 0);
