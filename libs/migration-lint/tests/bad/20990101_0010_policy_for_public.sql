create policy bad_public on app.clients for select to public using (version > 1);
