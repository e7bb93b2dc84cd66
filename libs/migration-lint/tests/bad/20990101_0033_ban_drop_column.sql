alter table app.grounds drop column note;
