create policy bad_true on app.clients for select to nexo_app using (true);
