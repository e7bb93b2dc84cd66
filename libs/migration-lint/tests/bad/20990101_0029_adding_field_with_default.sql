alter table app.grounds add column bad_stamp uuid default gen_random_uuid();
