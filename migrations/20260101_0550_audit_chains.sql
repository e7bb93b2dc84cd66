-- The history of an account is kept as chains of hashes: an entry that is changed, removed or put in afterwards breaks one.
--
-- The entries of one transaction are a link. Its hash is that of the link before it and of its own entries, in their order.
-- A transaction takes a chain that no other one holds at that moment, or begins one: nobody waits for a chain, and an
-- account has as many as it ever had writers at once.

create table app.audit_chains (
    account_id uuid   not null,
    id         uuid   not null,
    links      bigint not null constraint ck_audit_chains_links check (links > 0),
    hash       bytea  not null constraint ck_audit_chains_hash check (length(hash) = 32), -- of the last link
    primary key (account_id, id)
) with (fillfactor = 50); -- each link is an update in place
call ops.protect_tenant_table('app.audit_chains', array['nexo_app', 'nexo_auth']);
revoke delete on app.audit_chains from nexo_app, nexo_auth;

alter table app.audit_log
    add column chain_id  uuid,
    add column link      bigint,  -- from 1, in its chain
    add column place     integer, -- from 1, in its link
    add column link_hash bytea,
    add column erased    bytea;   -- what the digest takes for `before` and `after` once they are gone

-- What an entry had before and after; a row as text is read in one way only.
create function app.audit_contents(p_before jsonb, p_after jsonb) returns bytea
    language sql stable parallel safe
    return sha256(convert_to(row(p_before, p_after)::text, 'UTF8'));
revoke all on function app.audit_contents(jsonb, jsonb) from public;
grant execute on function app.audit_contents(jsonb, jsonb) to nexo_app, nexo_auth;

-- The digest of an entry. One whose contents were erased keeps it: `p_erased` stands for them.
create function app.audit_digest(
    p_id uuid, p_resource text, p_record_id uuid, p_action text, p_version bigint, p_before jsonb, p_after jsonb,
    p_request_id uuid, p_created_at timestamptz, p_created_by uuid, p_erased bytea
) returns bytea
    language sql stable parallel safe
    return sha256(convert_to(row(
        p_id, p_resource, p_record_id, p_action, p_version, p_request_id, (extract(epoch from p_created_at) * 1000000)::bigint, p_created_by,
        case when p_erased is null then app.audit_contents(p_before, p_after) when p_before is null and p_after is null then p_erased end
    )::text, 'UTF8'));
revoke all on function app.audit_digest(uuid, text, uuid, text, bigint, jsonb, jsonb, uuid, timestamptz, uuid, bytea) from public;
grant execute on function app.audit_digest(uuid, text, uuid, text, bigint, jsonb, jsonb, uuid, timestamptz, uuid, bytea) to nexo_app, nexo_auth;

-- What a purge takes out of an entry stays as its digest.
create or replace function app.keep_history_true() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.before is not null or new.after is not null then
        raise check_violation using constraint = 'ck_audit_log_emptied', message = 'history can be emptied, and not rewritten';
    end if;
    new.erased := coalesce(old.erased, app.audit_contents(old.before, old.after));
    return new;
end
$$;
drop trigger keep_history_true on app.audit_log;
create trigger keep_history_true before update of before, after, erased on app.audit_log for each row execute function app.keep_history_true();

-- What the first link of a chain comes after.
create function app.audit_start(p_account uuid, p_chain uuid) returns bytea
    language sql immutable parallel safe
    return uuid_send(p_account) || uuid_send(p_chain);
revoke all on function app.audit_start(uuid, uuid) from public;
grant execute on function app.audit_start(uuid, uuid) to nexo_app, nexo_auth;

-- Makes one new chain of everything that an account has in its history: of what is older than chains, and of an account
-- that was taken in under new ids.
create procedure ops.chain_anew(p_account uuid)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    chain constant uuid := gen_random_uuid();
    last_hash bytea := app.audit_start(p_account, chain);
    last_link bigint := 0;
    entries record;
begin
    delete from app.audit_chains where account_id = p_account;
    for entries in
        select array_agg(numbered.id order by numbered.id) as ids, string_agg(numbered.digest, ''::bytea order by numbered.id) as digests
        from (select l.id, (row_number() over (order by l.id) - 1) / 100 as part,
                     app.audit_digest(l.id, l.resource, l.record_id, l.action, l.version, l.before, l.after, l.request_id, l.created_at, l.created_by, l.erased) as digest
              from app.audit_log l where l.account_id = p_account) as numbered
        group by numbered.part order by numbered.part
    loop
        last_link := last_link + 1;
        last_hash := sha256(last_hash || entries.digests);
        update app.audit_log l set chain_id = chain, link = last_link, link_hash = last_hash, place = e.place
        from unnest(entries.ids) with ordinality as e (id, place)
        where l.account_id = p_account and l.id = e.id;
    end loop;
    if last_link > 0 then
        insert into app.audit_chains values (p_account, chain, last_link, last_hash);
    end if;
end $$;
revoke all on procedure ops.chain_anew(uuid) from public;

-- What is wrong with the history of an account; nothing, if every entry is as it was written and where it was written.
create function ops.audit_faults(p_account uuid) returns table (fault text, chain_id uuid, link bigint, entries uuid[])
    language sql stable
    set search_path = pg_catalog, pg_temp
as $$
    with entry as (
        select l.*, app.audit_digest(l.id, l.resource, l.record_id, l.action, l.version, l.before, l.after, l.request_id, l.created_at, l.created_by, l.erased) as digest
        from app.audit_log l where l.account_id = p_account
    ), link as (
        select e.chain_id, e.link, (array_agg(e.link_hash))[1] as hash, count(distinct e.link_hash) = 1 as agrees,
               string_agg(e.digest, ''::bytea order by e.place) as digests, (array_agg(e.id order by e.place))[1:500] as ids
        from entry e where e.chain_id is not null group by e.chain_id, e.link
    ), chained as (
        select k.*, lag(k.hash) over chain as hash_before, coalesce(lag(k.link) over chain, 0) as link_before, lead(k.link) over chain is null as is_last
        from link k window chain as (partition by k.chain_id order by k.link)
    )
    select 'unchained', null::uuid, null::bigint, (array_agg(e.id order by e.id))[1:500] from entry e where e.chain_id is null having count(*) > 0
    union all
    select 'missing', c.chain_id, c.link_before + 1, null from chained c where c.link <> c.link_before + 1
    union all
    select 'altered', c.chain_id, c.link, c.ids from chained c
    where c.link = c.link_before + 1
      and (not c.agrees or c.hash <> sha256(coalesce(c.hash_before, app.audit_start(p_account, c.chain_id)) || c.digests))
    union all
    select 'cut off', h.id, coalesce(c.link, 0) + 1, null
    from app.audit_chains h left join chained c on c.chain_id = h.id and c.is_last
    where h.account_id = p_account and (c.link is null or c.link < h.links)
    union all
    select 'put in', c.chain_id, c.link, c.ids
    from chained c left join app.audit_chains h on h.account_id = p_account and h.id = c.chain_id
    where h.id is null or c.link > h.links or (c.link = h.links and c.hash <> h.hash)
$$;
revoke all on function ops.audit_faults(uuid) from public;
