alter table app.clients add column colour text, add column shape text;
