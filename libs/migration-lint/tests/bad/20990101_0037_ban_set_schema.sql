alter table app.bystanders set schema app_parts;
