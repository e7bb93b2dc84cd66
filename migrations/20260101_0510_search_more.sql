-- What people look for in suppliers, contacts, employees, projects and tasks.

-- nexo:allow rewrites-table because the table is new and has no rows
call ops.make_searchable('app.suppliers',
    $e$coalesce(name, '') || ' ' || coalesce(email, '') || ' ' || coalesce(tax_id, '') || ' ' || coalesce(phone, '') || ' '
       || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g') || ' ' || coalesce(notes, '')$e$);
-- nexo:allow rewrites-table because the table is new and has no rows
call ops.make_searchable('app.contacts',
    $e$coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(job_title, '') || ' ' || emails::text || ' '
       || phones::text || ' ' || regexp_replace(phones::text, '[^0-9]', '', 'g') || ' ' || coalesce(notes, '')$e$);
-- nexo:allow rewrites-table because the table is new and has no rows
call ops.make_searchable('app.employees',
    $e$coalesce(code, '') || ' ' || coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || coalesce(email, '') || ' '
       || coalesce(phone, '') || ' ' || coalesce(department, '') || ' ' || coalesce(position, '')$e$);
-- nexo:allow rewrites-table because the table is new and has no rows
call ops.make_searchable('app.projects',
    $e$coalesce(code, '') || ' ' || coalesce(name, '') || ' ' || coalesce(description, '')$e$);
-- nexo:allow rewrites-table because the table is new and has no rows
call ops.make_searchable('app.tasks',
    $e$coalesce(title, '') || ' ' || coalesce(description, '')$e$);
