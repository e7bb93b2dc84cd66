alter table app.grounds rename to places;
