create policy bad_select on app.clients for select to nexo_app using (account_id in (select m.account_id from app.memberships m));
