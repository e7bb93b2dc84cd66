alter table app.clients no force row level security;
