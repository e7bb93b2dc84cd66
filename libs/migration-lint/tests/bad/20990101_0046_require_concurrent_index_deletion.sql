drop index app.ix_grounds_name;
