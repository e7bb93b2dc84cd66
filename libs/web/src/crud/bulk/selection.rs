//! Many records by a condition, in two steps: how many it concerns, then the writing itself, if it still concerns as many.

use db::{Changed, Hidden, Record, Removed, Resource, Selection, TenantTx, Written};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;

use super::{Begun, Once, items::within, permit::MaySome};
use crate::{Action, Answered, Delete, Error, IdempotencyKey, Json, May, Patch, Read, Result, Write};

/// How many records are written by one statement.
const AT_ONCE: usize = 500;

/// What is done to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SelectedOperation {
    /// Lays a merge patch over each.
    Update,
    /// Moves each to the trash.
    Delete,
}

/// What would be done, and to which records.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkWish {
    /// A condition, as in a search.
    #[schema(value_type = Object)]
    filter: Value,
    operation: SelectedOperation,
    /// For an update: what changes.
    #[schema(value_type = Option<Object>)]
    patch: Option<Value>,
}

/// What it concerns.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkPreview {
    /// How many records.
    count: i64,
    /// Vouches for 15 minutes that you have seen it.
    selection: String,
}

/// What was seen in the preview, to be done.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkOrder {
    /// As in the preview.
    #[schema(value_type = Object)]
    filter: Value,
    /// As in the preview.
    operation: SelectedOperation,
    /// As in the preview.
    #[schema(value_type = Option<Object>)]
    patch: Option<Value>,
    /// Of the preview.
    #[validate(length(max = 1000))]
    selection: String,
    /// Of the preview.
    #[validate(range(min = 0, max = 10_000))]
    expected_count: i64,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkApplied {
    /// To how many records.
    count: i64,
}

pub(crate) async fn preview<R: Resource>(
    may: MaySome<R>,
    Json(wish): Json<BulkWish>,
) -> Result<Json<BulkPreview>> {
    match wish.operation {
        SelectedOperation::Update => count(&may.to::<Write>()?, wish).await,
        SelectedOperation::Delete => count(&may.to::<Delete>()?, wish).await,
    }
}

async fn count<R: Resource, A: Action>(may: &May<A, R>, wish: BulkWish) -> Result<Json<BulkPreview>> {
    may.also(Read::NAME)?; // a condition tells of what it compares
    let patch = understood(wish.operation, wish.patch, &may.hidden())?;
    let selection = Selection::<R>::of(wish.filter, &may.view())?;
    let mut tx = may.begin_reading_at(selection.is_costly()).await?;
    let count = selection.count(&mut tx).await?;
    let selection = selection.seal(&mut tx, &[A::NAME, &patch.to_string()]).await?;
    Ok(Json(BulkPreview { count, selection }))
}

pub(crate) async fn apply<R: Resource>(
    may: MaySome<R>,
    key: Option<IdempotencyKey>,
    Json(order): Json<BulkOrder>,
) -> Result<Answered<Json<BulkApplied>>> {
    match order.operation {
        SelectedOperation::Update => run(&may.to::<Write>()?, key, order).await,
        SelectedOperation::Delete => run(&may.to::<Delete>()?, key, order).await,
    }
}

async fn run<R: Resource, A: Action>(
    may: &May<A, R>,
    key: Option<IdempotencyKey>,
    order: BulkOrder,
) -> Result<Answered<Json<BulkApplied>>> {
    may.also(Read::NAME)?;
    let once = Once::of(key, &order)?;
    let patch = understood(order.operation, order.patch, &may.hidden())?;
    let selection = Selection::<R>::of(order.filter, &may.view())?;
    let mut tx = match once.begin(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    selection.verify(&mut tx, &[A::NAME, &patch.to_string()], &order.selection).await?;
    let records = selection.lock(&mut tx, order.expected_count).await?;
    match order.operation {
        SelectedOperation::Update => write_all(&mut tx, changed(records, &patch)?).await?,
        SelectedOperation::Delete => write_all(&mut tx, records.into_iter().map(Removed).collect()).await?,
    }
    once.answer(tx, Json(BulkApplied { count: order.expected_count })).await
}

/// The patch of an update, which spares what the caller does not see; `null` for a removal.
fn understood(operation: SelectedOperation, patch: Option<Value>, hidden: &Hidden) -> Result<Value> {
    match (operation, patch) {
        (SelectedOperation::Delete, None) => Ok(Value::Null),
        (SelectedOperation::Delete, Some(_)) => {
            Err(Error::invalid("/patch", "unknown-field", "is for an update"))
        }
        (SelectedOperation::Update, patch) => {
            let patch = patch.unwrap_or_default();
            let read = Patch::of(patch.clone())
                .ok_or_else(|| Error::invalid("/patch", "type", "must be an object"))?;
            read.spares(hidden).map_err(|error| within("/patch", error))?;
            Ok(patch)
        }
    }
}

fn changed<R: Resource>(records: Vec<Record<R>>, patch: &Value) -> Result<Vec<Changed<R>>> {
    let one = |before: Record<R>| {
        let patch = Patch::of(patch.clone()).ok_or_else(|| Error::invalid("", "type", "must be an object"));
        let after =
            patch.and_then(|patch| patch.onto(&before.data)).map_err(|error| within("/patch", error))?;
        Ok(Changed::of(before, after)?)
    };
    records.into_iter().map(one).collect()
}

async fn write_all<R: Resource, W: Written<R>>(tx: &mut TenantTx, items: Vec<W>) -> Result<()> {
    for part in items.chunks(AT_ONCE) {
        W::write_all(tx, part).await?;
    }
    Ok(())
}
