//! Selections: all records that match a filter, written together after a preview of their number.

use db::{Error, ReadView, Refusal, RefusalKind, Result, TenantTx};
use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};

use super::{
    Query, SearchRequest,
    costly::{StatementTimeout, failed},
    cursor::CursorCodec,
    unanswerable,
};
use crate::{ResourceHandle, StoredRecord};

/// Maximum number of records of one bulk write.
pub const MAX_SELECTED: i64 = 10_000;
/// Validity of a selection token.
const GOOD_FOR: Duration = Duration::minutes(15);

/// Reason why a selection cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SelectionRefusal {
    /// The number of matching records has changed since the preview.
    #[error("the filter selects {0} records now: preview it again")]
    Changed(i64),
    /// The selection exceeds [`MAX_SELECTED`] records.
    #[error("the filter selects more than {MAX_SELECTED} records")]
    TooLarge,
    /// The token has expired, or was issued for another filter, operation, patch or person.
    #[error("the selection has expired, or belongs to another filter, operation, patch or person")]
    Foreign,
}

impl Refusal for SelectionRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Changed(_) => "selection-changed",
            Self::TooLarge => "selection-too-large",
            Self::Foreign => "selection-mismatch",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Changed(_) => RefusalKind::Conflict,
            Self::TooLarge | Self::Foreign => RefusalKind::Invalid,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::Changed(_) => Some("/expected_count"),
            Self::TooLarge => Some("/filter"),
            Self::Foreign => Some("/selection"),
        }
    }
}

/// Records of a type that match a filter condition.
pub struct Selection(Query);

impl Selection {
    /// Parses and validates the condition for a caller with this view.
    pub fn new(resource: &ResourceHandle, filter: Json, view: &ReadView) -> Result<Self> {
        if filter.is_null() {
            return Err(unanswerable("filter", "must name a condition"));
        }
        let sought = SearchRequest { filter: Some(filter), ..SearchRequest::default() };
        Query::from_search(resource, sought, view).map(Self)
    }

    /// Whether the condition scans possibly long texts record by record.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        self.0.is_costly()
    }

    /// Counts the matching records in scope; fails above [`MAX_SELECTED`].
    pub async fn count(&self, tx: &mut TenantTx) -> Result<i64> {
        self.set_deadline(tx);
        let mut values = tx.bindings();
        let condition = self.0.condition(tx, None, &mut values);
        let text = format!(
            "select count(*) from (select from app.{} record where {condition} limit {}) as counted",
            self.0.resource.schema().table(),
            MAX_SELECTED + 1
        );
        let statement = tx.generated_with::<(i64,)>(text, values);
        let count = statement.optional().await.map_err(failed(self.is_costly()))?;
        let count = count.map_or(0, |(count,)| count);
        if count > MAX_SELECTED { Err(SelectionRefusal::TooLarge.into()) } else { Ok(count) }
    }

    /// Returns a matching record as an example, if there is one.
    pub async fn example(&self, tx: &mut TenantTx) -> Result<Option<StoredRecord>> {
        self.set_deadline(tx);
        let mut values = tx.bindings();
        let condition = self.0.condition(tx, None, &mut values);
        let schema = self.0.resource.schema();
        let text = format!(
            "select {} from app.{} record where {condition} order by id limit 1",
            schema.columns,
            schema.table()
        );
        tx.generated_with(text, values).optional().await.map_err(failed(self.is_costly()))
    }

    /// Locks the matching records until the transaction ends, if there are as many as expected.
    pub async fn lock(&self, tx: &mut TenantTx, expected: i64) -> Result<Vec<StoredRecord>> {
        self.set_deadline(tx);
        let mut values = tx.bindings();
        let condition = self.0.condition(tx, None, &mut values);
        let schema = self.0.resource.schema();
        let text = format!(
            "select {} from app.{} record where {condition} order by id limit {} for no key update of record",
            schema.columns,
            schema.table(),
            MAX_SELECTED + 1
        );
        let statement = tx.generated_with::<StoredRecord>(text, values);
        let found = statement.all().await.map_err(failed(self.is_costly()))?;
        self.take_time(tx);
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        match count {
            count if count > MAX_SELECTED => Err(SelectionRefusal::TooLarge.into()),
            count if count != expected => Err(SelectionRefusal::Changed(count).into()),
            _ => Ok(found),
        }
    }

    fn set_deadline(&self, tx: &mut TenantTx) {
        if self.is_costly() {
            tx.set_statement_timeout(StatementTimeout::COSTLY);
        }
    }

    fn take_time(&self, tx: &mut TenantTx) {
        if self.is_costly() {
            tx.reset_statement_timeout();
        }
    }

    /// Issues a short-lived token that binds this selection to the transaction's user and to `purpose`.
    pub async fn sign(&self, tx: &mut TenantTx, purpose: &[&str]) -> Result<String> {
        let until = now(tx).await? + GOOD_FOR;
        Ok(self.signature(tx, purpose).encode(&until.unix_timestamp()))
    }

    /// Verifies that `token` was issued for this selection, user and purpose, and has not expired.
    pub async fn verify(&self, tx: &mut TenantTx, purpose: &[&str], token: &str) -> Result<()> {
        let until: Result<i64> = self.signature(tx, purpose).decode(token);
        let good = matches!(until, Ok(until) if now(tx).await?.unix_timestamp() < until);
        if good { Ok(()) } else { Err(SelectionRefusal::Foreign.into()) }
    }

    fn signature(&self, tx: &TenantTx, purpose: &[&str]) -> CursorCodec {
        let (user, filter) = (tx.user().to_string(), self.0.filter.as_ref().map(ToString::to_string));
        let filter = filter.unwrap_or_default();
        CursorCodec::new(
            tx,
            &[&[self.0.resource.schema().table(), "selection", &user, &filter], purpose].concat(),
        )
    }
}

/// Current time of the database, the clock that all replicas share.
async fn now(tx: &mut TenantTx) -> Result<OffsetDateTime> {
    let text = "select now() from (select $1::uuid as account_id) as caller".to_owned();
    let now = tx.generated::<(OffsetDateTime,)>(text).optional().await?;
    now.map(|(now,)| now).ok_or(Error::NotFound("time"))
}
