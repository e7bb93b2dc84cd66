alter table app.grounds add column bad_required text not null;
