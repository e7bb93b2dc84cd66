//! Idempotency keys: responses stored in the transaction of the request itself. A retried request gets the stored
//! response and is not executed again.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use super::TenantTx;
use crate::{AccessTarget, Error, FromRow, Result, TenantCommand, TenantQuery};

/// Locks the key until the transaction ends, so that two concurrent requests cannot both find no response.
const TAKE: TenantQuery = TenantQuery::new(
    "with caller as (select $1::uuid as account_id, $2::uuid as user_id)
     select pg_try_advisory_xact_lock(hashtextextended(account_id || '/' || user_id || '/' || $3::text, 0)) from caller",
);
/// Delays between attempts to lock the key. A failed request is answered before its transaction has ended, and the
/// client may retry at once.
const LETTING_GO: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(50)];
const REPLAY: TenantQuery = TenantQuery::new(
    "select fingerprint, status, headers, body, sight, record_ids from app.idempotency_keys
     where account_id = $1 and user_id = $2 and key = $3",
);
const REMEMBER: TenantCommand = TenantCommand::new(
    "insert into app.idempotency_keys (account_id, user_id, key, fingerprint, status, headers, body, sight, record_ids)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

/// A stored response to an earlier request with the same idempotency key.
#[derive(Debug, FromRow)]
pub struct StoredResponse {
    fingerprint: Vec<u8>,
    status: i16,
    headers: Json<BTreeMap<String, String>>,
    body: Vec<u8>,
    /// Digest of the caller's view of these records at that time; null in responses stored by an earlier release.
    sight: Option<Vec<u8>>,
    /// Records that the response contains.
    record_ids: Option<Vec<Uuid>>,
}

impl StoredResponse {
    /// Creates a response to store: status, headers and body for the request with this `fingerprint`.
    #[must_use]
    pub fn new(fingerprint: Vec<u8>, status: u16, headers: BTreeMap<String, String>, body: Vec<u8>) -> Self {
        Self {
            fingerprint,
            status: i16::try_from(status).unwrap_or(i16::MAX),
            headers: Json(headers),
            body,
            sight: None,
            record_ids: None,
        }
    }

    /// Removes the fields of the records from the body.
    fn reduced(mut self) -> Self {
        let body = serde_json::from_slice(&self.body).map(reduced).unwrap_or_default();
        self.body = if self.body.is_empty() { Vec::new() } else { body.to_string().into_bytes() };
        self
    }

    /// Splits the response into status, headers and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, BTreeMap<String, String>, Vec<u8>) {
        (u16::try_from(self.status).unwrap_or(500), self.headers.0, self.body)
    }
}

impl TenantTx {
    /// Returns the stored response to the caller's request `key`, if there is one, and locks the key until the
    /// transaction ends. `fingerprint` detects another request with the same key.
    ///
    /// A response with records of `target` includes their fields as long as the caller sees the same fields and may still
    /// read each record; any other response is complete as long as the caller's permissions are the same. Otherwise the
    /// body holds only ids and versions.
    pub async fn replay(
        &mut self,
        key: &str,
        fingerprint: &[u8],
        target: Option<&AccessTarget>,
    ) -> Result<Option<StoredResponse>> {
        self.lock_key(key).await?;
        let user = self.user();
        let stored: Option<StoredResponse> = self.read(REPLAY).bind(user).bind(key).optional().await?;
        let Some(response) = stored else { return Ok(None) };
        if response.fingerprint != fingerprint {
            return Err(Error::KeyReused);
        }
        let same = response.sight.as_deref() == Some(&*digest(&self.sight(target)));
        let shown = response.record_ids.as_deref().unwrap_or_default();
        Ok(Some(if same && self.reads_each(target, shown).await? { response } else { response.reduced() }))
    }

    /// Stores the response to the caller's request `key` in the request's transaction; read back by
    /// [`replay`](Self::replay) with the same `target`.
    pub async fn remember(
        &mut self,
        key: &str,
        answer: &StoredResponse,
        target: Option<&AccessTarget>,
    ) -> Result<()> {
        let sight = digest(&self.sight(target));
        let (user, shown) = (self.user(), std::mem::take(&mut self.answered));
        let statement = self.execute_untracked::<()>(REMEMBER).bind(user).bind(key).bind(&answer.fingerprint);
        let statement = statement.bind(answer.status).bind(&answer.headers).bind(&answer.body);
        statement.bind(sight).bind(shown).run().await?;
        Ok(())
    }

    fn sight(&self, target: Option<&AccessTarget>) -> String {
        target.map_or_else(|| self.scope.sight(), |target| self.scope.sight_of(target))
    }

    /// Whether the caller may still read all of these records, in the trash or not.
    async fn reads_each(&mut self, target: Option<&AccessTarget>, ids: &[Uuid]) -> Result<bool> {
        let Some(target) = target else { return Ok(true) };
        let found = self.readable_among(target, ids.to_vec()).await?;
        Ok(found.is_none_or(|found| ids.iter().all(|id| found.contains(id))))
    }

    async fn lock_key(&mut self, key: &str) -> Result<()> {
        for again in LETTING_GO.map(Some).into_iter().chain([None]) {
            let user = self.user();
            let taken: Option<(bool,)> = self.read(TAKE).bind(user).bind(key).optional().await?;
            match (taken, again) {
                (Some((true,)), _) => return Ok(()),
                (_, Some(pause)) => tokio::time::sleep(pause).await,
                (_, None) => break,
            }
        }
        Err(Error::InFlight)
    }
}

fn digest(sight: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sight.as_bytes()).as_ref().to_vec()
}

/// Reduces the JSON body of a stored response whose reader may no longer see its records. Ids and versions remain,
/// and the status of each item of a batch.
fn reduced(body: Value) -> Value {
    let Value::Object(mut fields) = body else { return Value::Null };
    match fields.remove("data") {
        Some(Value::Array(items)) => {
            json!({ "data": items.into_iter().map(reduced_item).collect::<Vec<_>>() })
        }
        _ => identity(fields),
    }
}

fn reduced_item(item: Value) -> Value {
    let Value::Object(mut fields) = item else { return Value::Null };
    let record = fields.remove("record").and_then(|record| match record {
        Value::Object(fields) => Some(("record".to_owned(), identity(fields))),
        _ => None,
    });
    let status = fields.remove("status").map(|status| ("status".to_owned(), status));
    Value::Object(status.into_iter().chain(record).collect())
}

fn identity(fields: Map<String, Value>) -> Value {
    Value::Object(fields.into_iter().filter(|(name, _)| name == "id" || name == "version").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_reduced_answer_identities_and_versions_are_left() {
        let record = json!({ "id": "1", "version": 3, "name": "Acme", "status": "lead" });
        assert_eq!(reduced(record.clone()), json!({ "id": "1", "version": 3 }));
        let problem = json!({ "detail": "precondition-failed", "current": record });
        let batch =
            json!({ "data": [{ "status": 201, "record": record }, { "status": 412, "problem": problem }] });
        let left =
            json!({ "data": [{ "status": 201, "record": { "id": "1", "version": 3 } }, { "status": 412 }] });
        assert_eq!(reduced(batch), left);
    }
}
