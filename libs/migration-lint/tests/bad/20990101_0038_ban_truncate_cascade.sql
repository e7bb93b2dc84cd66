truncate app.bystanders cascade;
