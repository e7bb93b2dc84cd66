create tabel app.bad_table (id uuid);
