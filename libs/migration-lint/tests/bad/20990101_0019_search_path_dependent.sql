create function app.bad_key(word text) returns text language sql immutable as $$ select lower(word) $$;
create table app.bad_words (
    account_id uuid not null,
    id         uuid not null,
    word       text not null,
    word_key   text generated always as (app.bad_key(word)) stored,
    primary key (account_id, id)
);
call ops.protect_tenant_table('app.bad_words');
