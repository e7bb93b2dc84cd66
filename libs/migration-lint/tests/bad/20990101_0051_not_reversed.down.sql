alter table app.clients drop column colour;
