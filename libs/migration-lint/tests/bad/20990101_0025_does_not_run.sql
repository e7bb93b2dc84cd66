alter table app.nothing add column note text;
