alter table app.grounds alter column note set not null;
