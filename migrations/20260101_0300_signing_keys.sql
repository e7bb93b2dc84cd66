-- The keys that access tokens are signed with. Their private halves are sealed under a key that the database never
-- sees, and are gone once they sign no more.

create table app.signing_keys (
    kid          text        not null primary key,
    state        text        not null constraint ck_signing_keys_state check (state in ('next', 'current', 'retired')),
    public       jsonb       not null,
    sealed       bytea,
    created_at   timestamptz not null default now(),
    activated_at timestamptz,
    retired_at   timestamptz,
    ended_at     timestamptz, -- from then on its tokens are refused, expired or not
    constraint ck_signing_keys_sealed check ((state = 'retired') = (sealed is null)),
    constraint ck_signing_keys_retired check ((state = 'retired') = (retired_at is not null))
);
create unique index uq_signing_keys_state on app.signing_keys (state) where state <> 'retired';
call ops.protect_global_table('app.signing_keys');

-- The key that signs, and all that verify: a retired one for as long as the caller says that its tokens may live.
create function app.signing_keys_now(p_seconds integer)
    returns table (kid text, sealed bytea, public jsonb)
    language sql stable security definer rows 1
    set search_path = pg_catalog, pg_temp
as $$
    select k.kid, k.sealed, (
        select jsonb_agg(p.public order by p.created_at desc, p.kid) from app.signing_keys p
        where p.ended_at is null and (p.state <> 'retired' or p.retired_at > now() - p_seconds * interval '1 second'))
    from app.signing_keys k
    where k.state = 'current'
$$;
call ops.protect_lookup('app.signing_keys_now(integer)');

-- The first two keys. Of replicas that start together, one adds its own; the others wait for it, and add nothing.
create function app.add_first_signing_keys(
    p_kid text, p_public jsonb, p_sealed bytea, p_next_kid text, p_next_public jsonb, p_next_sealed bytea
) returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    insert into app.signing_keys (kid, state, public, sealed, activated_at) values
        (p_kid, 'current', p_public, p_sealed, now()),
        (p_next_kid, 'next', p_next_public, p_next_sealed, null)
    on conflict do nothing
$$;
call ops.protect_lookup('app.add_first_signing_keys(text, jsonb, bytea, text, jsonb, bytea)');
