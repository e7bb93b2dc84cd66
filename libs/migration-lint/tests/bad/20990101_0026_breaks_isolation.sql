grant usage on schema app_parts to nexo_app;
