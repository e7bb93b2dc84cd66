alter table app.grounds add column colour text, add column shape text;
