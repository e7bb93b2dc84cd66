//! Audit entries and events of an account's restore: one for each record.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, types::Json};
use uuid::Uuid;

use super::{
    apply::{OPERATOR, Operator},
    lay_out::{laid_out, run},
    resources::{ACCOUNTS, MEMBERSHIPS, RecordTable, find},
    tables::Table,
};
use crate::Error;

const NOTES: &str = "
    create temporary table notes (place bigint generated always as identity, id uuid not null, topic text not null, resource text not null,
        record_id uuid not null, action text not null, version bigint not null, before jsonb, after jsonb, payload jsonb not null) on commit drop";

/// Generates a UUID of version 7 (RFC 9562): audit entries are ordered by their ids.
const NEW_ID: &str = "(with r as (select md5(gen_random_uuid()::text || d.key) as text)
    select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(r.text, 1, 3) || '8' || substr(r.text, 4, 15))::uuid from r)";

/// Fields that differ, in the form that the services audit.
const DIFFERING: &str = "(select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(ONE) e where OTHER -> e.key is distinct from e.value)";

/// Metadata columns that are no fields of the record.
const NO_FIELDS: &str = "'{id, created_at, created_by, deleted_at, deleted_by}'::text[]";

/// Appends the entries like `libs/db`: as one link of a hash chain that no other transaction has locked, or of a
/// new one.
const KEEP: &str = "
    with free as (
        select id, links, hash from app.audit_chains where account_id = $1 order by id limit 1 for update skip locked
    ), digests as (
        select string_agg(app.audit_digest(n.id, n.resource, n.record_id, n.action, n.version, n.before, n.after, $3, now(), $2, null), ''::bytea order by n.place) as all
        from pg_temp.notes n
    ), link as (
        select coalesce(free.id, $4::uuid) as chain_id, coalesce(free.links, 0) + 1 as number,
               sha256(coalesce(free.hash, app.audit_start($1, $4)) || digests.all) as hash
        from digests left join free on true
    ), chain as (
        insert into app.audit_chains (account_id, id, links, hash) select $1, chain_id, number, hash from link
        on conflict (account_id, id) do update set links = excluded.links, hash = excluded.hash
    ), history as (
        insert into app.audit_log (account_id, id, resource, record_id, action, version, before, after, request_id, created_at, created_by,
            chain_id, link, place, link_hash)
        select $1, n.id, n.resource, n.record_id, n.action, n.version, n.before, n.after, $3, now(), $2, link.chain_id, link.number, n.place, link.hash
        from pg_temp.notes n, link
    )
    insert into app.outbox (account_id, id, topic, resource, record_id, version, payload, request_id, created_by)
    select $1, n.id, n.topic, n.resource, n.record_id, n.version, n.payload, $3, $2 from pg_temp.notes n";

/// Writes entries for all differences, after the rows were changed.
pub(super) async fn note(
    now: &mut PgConnection,
    tables: &[Table],
    account: Uuid,
    by: &Operator,
) -> Result<(), Error> {
    now.execute(NOTES).await?;
    for (at, table) in tables.iter().enumerate() {
        if let Some(recorded) = find(&table.name) {
            run(now, notes(recorded, table, at), account).await?;
        }
    }
    let about = sqlx::query(
        "update pg_temp.notes set after = coalesce(after, '{}') || $1 where resource = 'account'",
    );
    let about = about.bind(Json(json!({ "restored_by": by.name, "restored_from": by.backup })));
    let noted = about.execute(&mut *now).await?.rows_affected();
    if noted > 0 {
        let keep = sqlx::query(AssertSqlSafe(KEEP)).bind(account).bind(OPERATOR);
        keep.bind(Uuid::now_v7()).bind(Uuid::now_v7()).persistent(false).execute(now).await?;
    }
    Ok(())
}

/// Statement with the entries of a table. A row absent from the backup is removed; one that exists again is
/// restored, from the trash or from deletion.
fn notes(recorded: &RecordTable, table: &Table, at: usize) -> String {
    let RecordTable { table: name, area, resource, id } = recorded;
    let action = match *name {
        ACCOUNTS => "'restored'",
        MEMBERSHIPS => {
            "case when d.kind = 'removed' then 'removed' when d.kind = 'added' then 'restored'
                  when d.was ->> 'status' = 'removed' then 'removed'
                  when d.now ->> 'status' = 'removed' then 'restored' else 'changed' end"
        }
        _ => {
            "case when d.kind = 'removed' then 'removed' when d.kind = 'added' then 'restored'
                  when (d.now ->> 'deleted_at') is null and (d.was ->> 'deleted_at') is not null then 'removed'
                  when (d.now ->> 'deleted_at') is not null and (d.was ->> 'deleted_at') is null then 'restored' else 'changed' end"
        }
    };
    let differing = |one: &str, other: &str| DIFFERING.replace("ONE", one).replace("OTHER", other);
    let (now, was) = (format!("(d.now - {NO_FIELDS})"), format!("(d.was - {NO_FIELDS})"));
    format!(
        "insert into pg_temp.notes (id, topic, resource, record_id, action, version, before, after, payload)
         select {NEW_ID}, '{area}.{resource}.' || a.action, '{resource}', d.key::uuid, a.action, coalesce(d.version, 1),
             case d.kind when 'changed' then {before} when 'removed' then {now} end,
             case d.kind when 'changed' then {after} when 'added' then {was} end,
             coalesce((case when f.account_id is not null then {content} end) - {NO_FIELDS}, {now})
         from pg_temp.differences d cross join lateral (select {action} as action) a
         left join {laid_out} f on f.{id}::text = d.key
         where d.table_name = '{name}' and $1::uuid is not null order by d.key",
        before = differing(&now, &was),
        after = differing(&was, &now),
        content = table.content("f"),
        laid_out = laid_out(at),
    )
}
