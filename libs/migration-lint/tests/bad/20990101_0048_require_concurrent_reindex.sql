reindex table app.places;
