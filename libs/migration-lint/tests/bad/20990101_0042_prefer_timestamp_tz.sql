alter table app.grounds add column bad_moment timestamp;
