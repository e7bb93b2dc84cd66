-- Addresses with capital letters beyond ASCII are kept as app.normalize_email gives them. No two of them become the same: what
-- differs in more than the case of ASCII did so before.

update app.users set email_norm = app.normalize_email(email) where email_norm <> app.normalize_email(email);
update app.pending_signups set email_norm = app.normalize_email(email) where email_norm <> app.normalize_email(email);
update app.invitations set email_norm = app.normalize_email(email) where email_norm <> app.normalize_email(email);
update app.clients set email_norm = app.normalize_email(email) where email_norm <> app.normalize_email(email);
