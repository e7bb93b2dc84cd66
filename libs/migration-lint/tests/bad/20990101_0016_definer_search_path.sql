create function app.bad_definer() returns bigint language sql stable security definer as $$ select count(*) from app.clients $$;
