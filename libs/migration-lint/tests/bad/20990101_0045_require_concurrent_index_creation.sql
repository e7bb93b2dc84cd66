create index ix_places_created on app.places (account_id, created_at);
