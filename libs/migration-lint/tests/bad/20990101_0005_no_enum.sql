create type app.bad_mood as enum ('good', 'bad');
