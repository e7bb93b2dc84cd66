//! All records that a condition names, to be written together by whoever has seen how many they are.

use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};

use super::{
    Query, Sought, condition,
    costly::{Patience, failed},
    cursor::Seal,
    unanswerable,
};
use crate::{
    Record, Refusal, Resource, Result, Row, Sort, TenantTx, View, error::Error, keep::names, record::KEPT,
};

/// No more records are written at once.
pub const MOST_SELECTED: i64 = 10_000;
/// How long a selection is good.
const GOOD_FOR: Duration = Duration::minutes(15);

/// Why a selection cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SelectionRefusal {
    /// Records came or went since they were counted.
    #[error("the filter selects {0} records now: preview it again")]
    Changed(i64),
    /// See [`MOST_SELECTED`].
    #[error("the filter selects more than {MOST_SELECTED} records")]
    TooLarge,
    /// Somebody waited too long, or changed what they had asked for.
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

    fn sort(&self) -> Sort {
        match self {
            Self::Changed(_) => Sort::Conflict,
            Self::TooLarge | Self::Foreign => Sort::Invalid,
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

/// The records of `R` that a condition names.
pub struct Selection<R>(Query<R>);

impl<R: Resource> Selection<R> {
    /// Understands the condition of somebody with this view.
    pub fn of(filter: Json, view: &View) -> Result<Self> {
        if filter.is_null() {
            return Err(unanswerable("filter", "must name a condition"));
        }
        Query::sought(Sought { filter: Some(filter), ..Sought::default() }, view).map(Self)
    }

    /// Whether its condition reads texts that may be long, record by record.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        self.0.is_costly()
    }

    /// How many there are in reach.
    pub async fn count(&self, tx: &mut TenantTx) -> Result<i64> {
        self.hurry(tx).await?;
        let mut values = Row::default();
        values.put(tx.inside.account);
        let condition = condition(tx, &self.0, None, &mut values);
        let text = format!(
            "select count(*) from (select from app.{} record where {condition} limit {}) as counted",
            R::PLURAL,
            MOST_SELECTED + 1
        );
        let mut statement = tx.built::<(i64,)>(text);
        statement.row = values;
        let count = statement.optional().await.map_err(failed(self.is_costly()))?;
        let count = count.map_or(0, |(count,)| count);
        if count > MOST_SELECTED { Err(SelectionRefusal::TooLarge.into()) } else { Ok(count) }
    }

    /// The records themselves, held until the transaction ends, if they are as many as expected.
    pub async fn lock(&self, tx: &mut TenantTx, expected: i64) -> Result<Vec<Record<R>>> {
        self.hurry(tx).await?;
        let mut values = Row::default();
        values.put(tx.inside.account);
        let condition = condition(tx, &self.0, None, &mut values);
        let text = format!(
            "select {KEPT}, {} from app.{} record where {condition} order by id limit {} for no key update of record",
            names::<R>(),
            R::PLURAL,
            MOST_SELECTED + 1
        );
        let mut statement = tx.built::<Record<R>>(text);
        statement.row = values;
        let found = statement.all().await.map_err(failed(self.is_costly()))?;
        self.take_time(tx).await?;
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        match count {
            count if count > MOST_SELECTED => Err(SelectionRefusal::TooLarge.into()),
            count if count != expected => Err(SelectionRefusal::Changed(count).into()),
            _ => Ok(found),
        }
    }

    async fn hurry(&self, tx: &mut TenantTx) -> Result<()> {
        if self.is_costly() { tx.wait(Patience::COSTLY).await } else { Ok(()) }
    }

    async fn take_time(&self, tx: &mut TenantTx) -> Result<()> {
        if self.is_costly() { tx.wait_as_usual().await } else { Ok(()) }
    }

    /// Vouches, for some minutes, that the person of the transaction was shown this selection for `purpose`.
    pub async fn seal(&self, tx: &mut TenantTx, purpose: &[&str]) -> Result<String> {
        let until = now(tx).await? + GOOD_FOR;
        Ok(self.sealed(tx, purpose).close(&until.unix_timestamp()))
    }

    /// Fails unless `token` vouches for that.
    pub async fn verify(&self, tx: &mut TenantTx, purpose: &[&str], token: &str) -> Result<()> {
        let until: Result<i64> = self.sealed(tx, purpose).open(token);
        let good = matches!(until, Ok(until) if now(tx).await?.unix_timestamp() < until);
        if good { Ok(()) } else { Err(SelectionRefusal::Foreign.into()) }
    }

    fn sealed(&self, tx: &TenantTx, purpose: &[&str]) -> Seal {
        let (user, filter) = (tx.inside.user.to_string(), self.0.filter.as_ref().map(ToString::to_string));
        let filter = filter.unwrap_or_default();
        Seal::new(tx, &[&[R::PLURAL, "selection", &user, &filter], purpose].concat())
    }
}

/// The time by the clock that all replicas share.
async fn now(tx: &mut TenantTx) -> Result<OffsetDateTime> {
    let text = "select now() from (select $1::uuid as account_id) as caller".to_owned();
    let now = tx.built::<(OffsetDateTime,)>(text).optional().await?;
    now.map(|(now,)| now).ok_or(Error::NotFound("time"))
}
