create domain app.bad_email as text;
