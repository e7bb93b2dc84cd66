alter table app.grounds set unlogged;
