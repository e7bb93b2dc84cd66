alter table app.audit_log detach partition app_parts.audit_log_rest;
