alter table app.grounds drop column colour;
