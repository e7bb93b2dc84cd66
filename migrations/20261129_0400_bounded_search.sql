-- Search is bounded in time, and looks through those fields alone that its reader may see.
--
-- Two functions for each searchable table. `app.search_…` asks the index, as before: 20 ms in an account of 200,000 short
-- records. But an index tells of long texts only that they may match, and each has to be read: to hold a misspelt word
-- against 3,000 texts of 10,000 letters took 15 s. So the caller gives it a moment, and then asks `app.look_through_…`,
-- which goes through the newest records by the clock: for the words as they were typed in all of their text, and for what
-- is nearly so in its beginning, where names stand.

-- Makes the functions of a table that has `search_text`. `parts`: each searched field, and its expression over the columns.
create procedure ops.search_by(tbl regclass, parts text[])
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    bare text := (select relname from pg_class where oid = tbl);
    -- What those see who may not see all: the same expressions, of the fields that they see.
    seen text := (select 'app.fold(' || string_agg(format('case when %L = any (p_fields) then %s else '''' end', parts[at][1], parts[at][2]), ' || '' '' || ' order by at) || ')'
                  from generate_subscripts(parts, 1) as at);
    -- The same of the beginning of each: folding takes long.
    begun text := (select 'app.fold(' || string_agg(format('case when %L = any (p_fields) then left(%s, 2000) else '''' end', parts[at][1], parts[at][2]), ' || '' '' || ' order by at) || ')'
                   from generate_subscripts(parts, 1) as at);
    columns text := (select string_agg(quote_ident(parts[at][1]), ', ') from generate_subscripts(parts, 1) as at);
    -- The words of a query: four at most, the longest first.
    words constant text := $w$array(select w from regexp_split_to_table(app.fold(left(p_query, 200)), '[^[:alnum:]]+') as w
                                  where w <> '' order by length(w) desc limit 4)$w$;
    made text;
begin
    execute format('grant select (account_id, id, deleted_at, created_at, search_text, %s) on %s to nexo_definer', columns, tbl);
    execute format('drop function if exists app.%I(text)', 'search_' || bare);
    execute format($f$
        create function app.%2$I(p_query text, p_fields text[] default null) returns table (id uuid)
            language plpgsql stable security definer rows 100
            set search_path = pg_catalog, ext, pg_temp
            set plan_cache_mode = force_custom_plan
            set pg_trgm.word_similarity_threshold = 0.4 -- two letters of six change places
        as $body$
        #variable_conflict use_column
        declare
            words text[] := %4$s;
            likes text[] := array(select '%%' || w || '%%' from unnest(words) as w);
            account uuid := nullif(current_setting('app.current_account_id', true), '')::uuid;
        begin
            return query
                select found.id from %1$s as found
                where found.account_id = account and found.deleted_at is null
                  and found.search_text like likes[1]
                  and (likes[2] is null or found.search_text like likes[2])
                  and (likes[3] is null or found.search_text like likes[3])
                  and (likes[4] is null or found.search_text like likes[4])
                  and (p_fields is null or %3$s like all (likes))
                limit 1000;
            if found then
                return;
            end if;
            -- Nothing is there as it was typed: what is nearly it.
            return query
                select found.id from %1$s as found
                where found.account_id = account and found.deleted_at is null
                  and words[1] <%% found.search_text
                  and (words[2] is null or words[2] <%% found.search_text)
                  and (words[3] is null or words[3] <%% found.search_text)
                  and (words[4] is null or words[4] <%% found.search_text)
                  and (p_fields is null or (select bool_and(w <%% seen.seen) from unnest(words) as w, (select %3$s offset 0) as seen (seen)))
                limit 200;
        end
        $body$
    $f$, tbl, 'search_' || bare, seen, words);
    execute format($f$
        create function app.%2$I(p_query text, p_fields text[] default null) returns table (id uuid)
            language plpgsql stable security definer rows 100
            set search_path = pg_catalog, ext, pg_temp
        as $body$
        #variable_conflict use_column
        declare
            until constant timestamptz := clock_timestamp() + interval '300 milliseconds';
            words text[] := %4$s;
            likes text[] := array(select '%%' || w || '%%' from unnest(words) as w);
            account uuid := nullif(current_setting('app.current_account_id', true), '')::uuid;
            one record;
            typed uuid[] := '{}';
            nearly uuid[] := '{}';
        begin
            for one in
                select found.id, case when p_fields is null then found.search_text else %3$s end as seen
                from %1$s as found
                where found.account_id = account and found.deleted_at is null and likes[1] is not null
                order by found.created_at desc, found.id desc
            loop
                exit when clock_timestamp() > until or cardinality(typed) >= 1000;
                if one.seen like all (likes) then
                    typed := typed || one.id;
                elsif cardinality(typed) = 0 and cardinality(nearly) < 200
                      and (select bool_and(word_similarity(w, left(one.seen, 300)) >= 0.4) from unnest(words) as w) then
                    nearly := nearly || one.id;
                end if;
            end loop;
            return query select unnest(case when cardinality(typed) > 0 then typed else nearly end);
        end
        $body$
    $f$, tbl, 'look_through_' || bare, begun, words);
    grant create on schema app to nexo_definer; -- an owner must be able to create there; for this moment only
    foreach made in array array['search_' || bare, 'look_through_' || bare] loop
        execute format('revoke all on function app.%I(text, text[]) from public', made);
        execute format('grant execute on function app.%I(text, text[]) to nexo_app', made);
        execute format('alter function app.%I(text, text[]) owner to nexo_definer', made);
    end loop;
    revoke create on schema app from nexo_definer;
end $$;
revoke all on procedure ops.search_by(regclass, text[]) from public;

-- Makes a tenant table searchable by these fields: a stored column, an index led by the account, and the two functions.
create procedure ops.make_searchable(tbl regclass, parts text[])
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    bare text := (select relname from pg_class where oid = tbl);
    expression text := (select string_agg(parts[at][2], ' || '' '' || ' order by at) from generate_subscripts(parts, 1) as at);
begin
    execute format('alter table %s add column search_text text generated always as (app.fold(%s)) stored', tbl, expression);
    execute format('create index %I on %s using gin (account_id, search_text ext.gin_trgm_ops) where deleted_at is null', 'ix_' || bare || '_search', tbl);
    execute format('create policy search on %s for select to nexo_definer using (true)', tbl);
    call ops.search_by(tbl, parts);
end $$;
revoke all on procedure ops.make_searchable(regclass, text[]) from public;
drop procedure ops.make_searchable(regclass, text);

call ops.search_by('app.clients', array[
    ['name', $e$coalesce(name, '')$e$], ['company', $e$coalesce(company, '')$e$], ['email', $e$coalesce(email, '')$e$],
    ['tax_id', $e$coalesce(tax_id, '')$e$],
    ['phone', $e$coalesce(phone, '') || ' ' || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g')$e$],
    ['notes', $e$coalesce(notes, '')$e$]]);
call ops.search_by('app.suppliers', array[
    ['name', $e$coalesce(name, '')$e$], ['email', $e$coalesce(email, '')$e$], ['tax_id', $e$coalesce(tax_id, '')$e$],
    ['phone', $e$coalesce(phone, '') || ' ' || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g')$e$],
    ['notes', $e$coalesce(notes, '')$e$]]);
call ops.search_by('app.contacts', array[
    ['first_name', $e$coalesce(first_name, '')$e$], ['last_name', $e$coalesce(last_name, '')$e$],
    ['job_title', $e$coalesce(job_title, '')$e$], ['emails', $e$emails::text$e$],
    ['phones', $e$phones::text || ' ' || regexp_replace(phones::text, '[^0-9]', '', 'g')$e$],
    ['notes', $e$coalesce(notes, '')$e$]]);
call ops.search_by('app.employees', array[
    ['code', $e$coalesce(code, '')$e$], ['first_name', $e$coalesce(first_name, '')$e$],
    ['last_name', $e$coalesce(last_name, '')$e$], ['email', $e$coalesce(email, '')$e$],
    ['phone', $e$coalesce(phone, '')$e$], ['department', $e$coalesce(department, '')$e$],
    ['position', $e$coalesce("position", '')$e$]]);
call ops.search_by('app.projects', array[
    ['code', $e$coalesce(code, '')$e$], ['name', $e$coalesce(name, '')$e$],
    ['description', $e$coalesce(description, '')$e$]]);
call ops.search_by('app.tasks', array[
    ['title', $e$coalesce(title, '')$e$], ['description', $e$coalesce(description, '')$e$]]);
call ops.search_by('app.professionals', array[
    ['name', $e$coalesce(name, '')$e$], ['email', $e$coalesce(email, '')$e$],
    ['phone', $e$coalesce(phone, '') || ' ' || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g')$e$],
    ['skills', $e$jsonb_path_query_array(skills, '$[*].name')::text$e$],
    ['services', $e$jsonb_path_query_array(services, '$[*].name')::text$e$],
    ['bio', $e$coalesce(bio, '')$e$]]);
call ops.search_by('app.bookings', array[
    ['title', $e$coalesce(title, '')$e$], ['notes', $e$coalesce(notes, '')$e$]]);
