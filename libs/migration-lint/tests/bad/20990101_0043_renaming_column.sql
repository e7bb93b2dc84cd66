alter table app.grounds rename column name to title;
