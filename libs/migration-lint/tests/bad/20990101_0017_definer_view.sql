create view app.bad_view as select account_id, id from app.clients;
