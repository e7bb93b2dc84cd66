//! What happened, for history and events: written in the transaction that made it happen.

use kernel::AccountId;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{FromRow, PgConnection, SqlSafeStr as _, types::Json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Record, Resource, Result, Row, Sql, TenantTx, tx::Inside};

/// What happened to one thing.
#[derive(Debug, Clone)]
pub struct Change {
    topic: String,
    resource: &'static str,
    id: Uuid,
    action: &'static str,
    version: i64,
    before: Option<Value>,
    after: Option<Value>,
    whole: Value,
}

/// Everything that history says was done. A change that says something else does not pass the tests.
pub const ACTIONS: &[&str] = &[
    "added",
    "applied",
    "cancelled",
    "changed",
    "checked",
    "checking",
    "created",
    "done",
    "email_changed",
    "ended",
    "failed",
    "joined",
    "left",
    "linked",
    "logged_out",
    "members_set",
    "opened",
    "opened_by_operator",
    "password",
    "planned",
    "purged",
    "ready",
    "removed",
    "renewed",
    "reset",
    "restored",
    "reused",
    "revoked",
    "running",
    "stepped_up",
    "suspended",
    "tagged",
    "transferred",
    "undoing",
    "undone",
    "unlocked",
    "used_elsewhere",
];

/// One step of a record's history.
#[derive(Debug, Clone, Serialize, FromRow, ToSchema)]
pub struct Entry {
    /// Tells steps apart.
    pub id: Uuid,
    /// What was done: `created`, `changed`, `tagged`, `removed`, `restored` or `purged`.
    pub action: String,
    /// The record's version afterwards.
    pub version: i64,
    /// The fields that changed, as they were; none any more, once the record is purged.
    pub before: Option<Value>,
    /// The fields that changed, as they became.
    pub after: Option<Value>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// By whom.
    pub created_by: Uuid,
    /// In which request.
    pub request_id: Uuid,
}

/// One statement for history and events of all changes of a transaction. They are one link of a chain of hashes that no other
/// transaction holds, or of a new one: `$13` (`ops.audit_faults` reads it, and says when it is broken).
const KEEP: &str = "
    with noted as (
        select n.* from unnest($4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::int8[], $10::jsonb[], $11::jsonb[], $12::jsonb[])
            with ordinality as n (id, topic, resource, record_id, action, version, before, after, payload, place)
    ), free as (
        select id, links, hash from app.audit_chains where account_id = $1 order by id limit 1 for update skip locked
    ), digests as (
        select string_agg(app.audit_digest(n.id, n.resource, n.record_id, n.action, n.version, n.before, n.after, $3, now(), $2, null), ''::bytea order by n.place) as all
        from noted n
    ), link as (
        select coalesce(free.id, $13::uuid) as chain_id, coalesce(free.links, 0) + 1 as number,
               sha256(coalesce(free.hash, app.audit_start($1, $13)) || digests.all) as hash
        from digests left join free on true
    ), chain as (
        insert into app.audit_chains (account_id, id, links, hash) select $1, chain_id, number, hash from link
        on conflict (account_id, id) do update set links = excluded.links, hash = excluded.hash
    ), history as (
        insert into app.audit_log (account_id, id, resource, record_id, action, version, before, after, request_id, created_at, created_by,
            chain_id, link, place, link_hash)
        select $1, n.id, n.resource, n.record_id, n.action, n.version, n.before, n.after, $3, now(), $2, link.chain_id, link.number, n.place, link.hash
        from noted n, link
    )
    insert into app.outbox (account_id, id, topic, resource, record_id, version, payload, request_id, created_by, traceparent)
    select $1, n.id, n.topic, n.resource, n.record_id, n.version, n.payload, $3, $2, $14 from noted n";

impl Change {
    /// Something that happened to a thing that is no [`Resource`]; `topic` is the event's.
    #[must_use]
    pub fn new(topic: &str, resource: &'static str, id: Uuid, action: &'static str) -> Self {
        debug_assert!(ACTIONS.contains(&action), "{action} is missing in ACTIONS");
        let whole = Value::Object(Map::new());
        Self { topic: topic.to_owned(), resource, id, action, version: 1, before: None, after: None, whole }
    }

    /// The same, with what the thing became.
    #[must_use]
    pub fn with(self, after: Value) -> Self {
        Self { whole: after.clone(), after: Some(after), ..self }
    }

    /// The same, with what the thing was.
    #[must_use]
    pub fn from(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// The same, with the version that the thing has now.
    #[must_use]
    pub fn at(self, version: i64) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn of<R: Resource>(
        action: &'static str,
        before: Option<&Record<R>>,
        after: &Record<R>,
    ) -> Self {
        let whole = json(&after.data);
        let (before, changed) = match before.map(|record| json(&record.data)) {
            None => (None, whole.clone()),
            Some(before) => {
                let (before, after) = difference(&before, &whole);
                (Some(before), after)
            }
        };
        let topic = format!("{}.{}.{action}", R::AREA, R::NAME);
        let (id, version) = (after.id.into(), after.kept.version);
        Self { topic, resource: R::NAME, id, action, version, before, after: Some(changed), whole }
    }
}

pub(crate) fn json<T: Serialize>(data: &T) -> Value {
    serde_json::to_value(data).unwrap_or(Value::Null) // a resource serializes: it was just read from JSON or a row
}

/// The fields that differ, as they were and as they are.
fn difference(before: &Value, after: &Value) -> (Value, Value) {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return (before.clone(), after.clone());
    };
    let changed = |one: &Map<String, Value>, other: &Map<String, Value>| {
        let fields = one.iter().filter(|(name, value)| other.get(*name) != Some(value));
        Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    (changed(before, after), changed(after, before))
}

pub(crate) async fn keep(tx: &mut TenantTx, changes: Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let row = values(tx.inside, &changes, tx.conn.span.traceparent());
    let statement: Sql<'_, ()> = Sql::new(tx, KEEP.into_sql_str(), row);
    statement.run().await?;
    Ok(())
}

/// Who has made a change that an operator's command has made: nobody in the account.
pub const OPERATOR: Uuid = Uuid::nil();

/// Notes in the history of an account, and tells as events, what an operator's command has done: in the transaction that
/// `conn` is in, as a role that reaches every account. The entries are a link of a chain as any other.
pub async fn keep_as_operator(
    conn: &mut PgConnection,
    account: AccountId,
    changes: &[Change],
) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let inside = Inside { account, user: OPERATOR.into(), request: Uuid::now_v7() };
    let values = values(inside, changes, None).values()?;
    sqlx::query_with(KEEP, values).execute(conn).await?;
    Ok(())
}

/// What [`KEEP`] is given.
fn values(inside: Inside, changes: &[Change], traceparent: Option<String>) -> Row {
    let mut row = Row::default();
    row.put(inside.account);
    row.put(inside.user);
    row.put(inside.request);
    row.put(changes.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.topic.as_str()).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.resource).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.id).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.action).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.version).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.before.as_ref().map(Json)).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| change.after.as_ref().map(Json)).collect::<Vec<_>>());
    row.put(changes.iter().map(|change| Json(&change.whole)).collect::<Vec<_>>());
    row.put(Uuid::now_v7());
    row.put(traceparent);
    row
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn history_holds_the_fields_that_changed() {
        let before = json!({ "name": "Acme", "rating": 3, "phone": null });
        let after = json!({ "name": "Acme", "rating": 4, "phone": "1" });
        let (was, is) = difference(&before, &after);
        assert_eq!(was, json!({ "rating": 3, "phone": null }));
        assert_eq!(is, json!({ "rating": 4, "phone": "1" }));
    }
}
