-- History that is older than its chains becomes one. An entry that an older release writes after this is in none:
-- `nexo audit verify` tells, and `nexo audit rechain` takes it in.

do $$
declare
    account record;
begin
    for account in select distinct account_id from app.audit_log loop
        call ops.chain_anew(account.account_id);
    end loop;
end $$;
