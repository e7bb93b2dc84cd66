//! Audit log and outbox: changes, written in the transaction that made them.

use kernel::AccountId;
use serde_json::{Map, Value};
use sqlx::{Arguments as _, Encode, PgConnection, Postgres, Type, postgres::PgArguments, types::Json};
use uuid::Uuid;

use crate::{Bindings, context::RequestContext};

/// One change of one record, for the audit log and the outbox.
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

/// Every action of the audit log. A change with another action fails the tests.
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

/// Writes audit log and outbox entries of all changes of a transaction in one statement. They form one link of a
/// hash chain that no other transaction has locked, or of a new chain with id `$13`. `ops.audit_faults` verifies
/// the chains and reports breaks.
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
    /// Creates a change of something that is not a record; `topic` is the event's topic.
    #[must_use]
    pub fn new(topic: &str, resource: &'static str, id: Uuid, action: &'static str) -> Self {
        debug_assert!(ACTIONS.contains(&action), "{action} is missing in ACTIONS");
        let whole = Value::Object(Map::new());
        Self { topic: topic.to_owned(), resource, id, action, version: 1, before: None, after: None, whole }
    }

    /// Sets the state after the change.
    #[must_use]
    pub fn with(self, after: Value) -> Self {
        Self { whole: after.clone(), after: Some(after), ..self }
    }

    /// Sets the state before the change.
    #[must_use]
    pub fn from(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// Sets the payload of the event, which otherwise is the state after the change.
    #[must_use]
    pub fn with_payload(self, payload: Value) -> Self {
        Self { whole: payload, ..self }
    }

    /// Sets the version that the record has after the change.
    #[must_use]
    pub fn at(self, version: i64) -> Self {
        Self { version, ..self }
    }

    /// Change of a record from `before` (`None` if there is no earlier state to compare) to `after`, both as JSON objects
    /// of its fields. The audit log holds the fields that differ, the event the whole record.
    #[must_use]
    pub fn between(
        topic: String,
        resource: &'static str,
        action: &'static str,
        before: Option<&Value>,
        after: Value,
    ) -> Self {
        let (before, changed) = match before {
            None => (None, after.clone()),
            Some(before) => {
                let (before, changed) = difference(before, &after);
                (Some(before), changed)
            }
        };
        Self {
            topic,
            resource,
            id: Uuid::nil(),
            action,
            version: 1,
            before,
            after: Some(changed),
            whole: after,
        }
    }

    /// Sets the id of the record.
    #[must_use]
    pub fn for_record(self, id: Uuid) -> Self {
        Self { id, ..self }
    }
}

/// Fields that differ, with their values before and after.
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

/// The statement that writes these changes, with its parameters.
pub(crate) fn statement(
    inside: RequestContext,
    changes: &[Change],
    traceparent: Option<String>,
) -> (&'static str, Bindings) {
    let mut values = Bindings::default();
    bind(&mut values, inside, changes, traceparent);
    (KEEP, values)
}

/// Author of changes that an operator's command made; it is no user of the account.
pub const OPERATOR: Uuid = Uuid::nil();

/// Entries of a link that an operator's command adds: a message to PostgreSQL has at most 1 GB.
const MAX_LINK_ENTRIES: usize = 10_000;

/// Writes changes by an operator's command to the account's audit log and outbox, within the open transaction of
/// `conn`. The role must reach every account. The entries form chain links like any other.
pub async fn keep_as_operator(
    conn: &mut PgConnection,
    account: AccountId,
    changes: &[Change],
) -> Result<(), sqlx::Error> {
    let inside = RequestContext { account, user: OPERATOR.into(), request: Uuid::now_v7() };
    for link in changes.chunks(MAX_LINK_ENTRIES) {
        let mut values = PgArguments::default();
        bind(&mut values, inside, link, None);
        sqlx::query_with(KEEP, values).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Parameters of a statement, on a connection of the pool or another one.
trait Parameters {
    fn put<'v>(&mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v);
}

impl Parameters for Bindings {
    fn put<'v>(&mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) {
        self.bind(value);
    }
}

impl Parameters for PgArguments {
    fn put<'v>(&mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) {
        let _ = self.add(value); // a value of a change can be encoded; without it the statement would be refused
    }
}

/// Binds the parameters of the [`KEEP`] statement.
fn bind(row: &mut impl Parameters, inside: RequestContext, changes: &[Change], traceparent: Option<String>) {
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
