grant truncate on app.clients to nexo_app;
