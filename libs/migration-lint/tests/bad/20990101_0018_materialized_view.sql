create materialized view app.bad_copy as select account_id, id from app.clients;
