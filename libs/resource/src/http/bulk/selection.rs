//! Bulk writes by filter, in two steps: a preview with the number of records, then the write, if the number is
//! unchanged.

use db::{HiddenFields, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;
use web::{
    Action, Delete, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, Json, MergePatch, Read,
    Replayable, Result, Violation, Write,
};

use super::items::within;
use crate::{
    BulkWrite, ResourceHandle, Schema, Selection, SoftDelete, StoredRecord, Update,
    http::caller::{AnyWriter, Caller},
};

/// Number of records per write statement.
const AT_ONCE: usize = 500;

/// Operation to perform on all selected records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "delete")] // an update needs a patch, and there is none that suits every resource
pub(crate) enum SelectedOperation {
    /// Applies a merge patch to each record.
    Update,
    /// Moves each record to the trash.
    Delete,
}

/// A request to preview a bulk write by filter.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkPreviewRequest {
    /// Filter condition, as in a search request.
    #[schema(schema_with = crate::filter_schema)]
    filter: Value,
    operation: SelectedOperation,
    /// Changes as a merge patch (RFC 7396); only for `update`.
    #[schema(schema_with = crate::model::nullable_merge_patch, required = false)]
    patch: Option<Value>,
}

/// Preview of a bulk write by filter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkPreview {
    /// Number of records that the filter selects.
    count: i64,
    /// Token that confirms this preview; pass it to the apply request within 15 minutes.
    selection: String,
}

/// A request to perform a previewed bulk write.
#[derive(Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkApplyRequest {
    /// Filter condition of the preview request.
    #[schema(schema_with = crate::filter_schema)]
    filter: Value,
    /// Operation of the preview request.
    operation: SelectedOperation,
    /// Merge patch of the preview request.
    #[schema(schema_with = crate::model::nullable_merge_patch, required = false)]
    patch: Option<Value>,
    /// Token from the response of the preview.
    #[validate(length(max = 1000))]
    #[schema(max_length = 1000)]
    selection: String,
    /// Number of records from the response of the preview.
    #[validate(range(min = 0, max = 10_000))]
    #[schema(minimum = 0, maximum = 10_000)]
    expected_count: i64,
}

/// Result of a bulk write by filter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkApplyResult {
    /// Number of records that were written.
    count: i64,
}

pub(crate) async fn preview(
    writer: AnyWriter,
    Json(wish): Json<BulkPreviewRequest>,
) -> Result<Json<BulkPreview>> {
    match wish.operation {
        SelectedOperation::Update => count(&writer.authorize::<Write>()?, wish).await,
        SelectedOperation::Delete => count(&writer.authorize::<Delete>()?, wish).await,
    }
}

async fn count<A: Action>(caller: &Caller<A>, wish: BulkPreviewRequest) -> Result<Json<BulkPreview>> {
    caller.also(Read::NAME)?; // a filter discloses the values it compares
    let patch = understood(wish.operation, wish.patch, &caller.hidden_fields())?;
    let selection = Selection::new(caller.resource(), wish.filter, &caller.view())?;
    let mut tx = caller.begin_read_only_at(selection.is_costly()).await?;
    let count = selection.count(&mut tx).await?;
    if wish.operation == SelectedOperation::Update {
        match selection.example(&mut tx).await? {
            Some(record) => drop(changed(caller.resource(), vec![record], &patch)?),
            None => known_fields(caller.resource().schema(), &patch)?,
        }
    }
    let selection = selection.sign(&mut tx, &[A::NAME, &patch.to_string()]).await?;
    Ok(Json(BulkPreview { count, selection }))
}

pub(crate) async fn apply(
    writer: AnyWriter,
    key: Option<IdempotencyKey>,
    Json(order): Json<BulkApplyRequest>,
) -> Result<Replayable<Json<BulkApplyResult>>> {
    match order.operation {
        SelectedOperation::Update => run(&writer.authorize::<Write>()?, key, order).await,
        SelectedOperation::Delete => run(&writer.authorize::<Delete>()?, key, order).await,
    }
}

async fn run<A: Action>(
    caller: &Caller<A>,
    key: Option<IdempotencyKey>,
    order: BulkApplyRequest,
) -> Result<Replayable<Json<BulkApplyResult>>> {
    caller.also(Read::NAME)?;
    let idempotent = Idempotent::new(key, &order)?.with_records(caller.resource().schema().access);
    let patch = understood(order.operation, order.patch, &caller.hidden_fields())?;
    let selection = Selection::new(caller.resource(), order.filter, &caller.view())?;
    let mut tx = match idempotent.begin(caller.begin_at(selection.is_costly()).await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    selection.verify(&mut tx, &[A::NAME, &patch.to_string()], &order.selection).await?;
    let records = selection.lock(&mut tx, order.expected_count).await?;
    match order.operation {
        SelectedOperation::Update => {
            write_all(caller.resource(), &mut tx, changed(caller.resource(), records, &patch)?).await?;
        }
        SelectedOperation::Delete => {
            write_all(caller.resource(), &mut tx, records.into_iter().map(SoftDelete).collect()).await?;
        }
    }
    idempotent.answer(tx, Json(BulkApplyResult { count: order.expected_count })).await
}

/// Validates the patch of an update, which must not touch hidden fields; `null` for a delete.
fn understood(operation: SelectedOperation, patch: Option<Value>, hidden: &HiddenFields) -> Result<Value> {
    match (operation, patch) {
        (SelectedOperation::Delete, None) => Ok(Value::Null),
        (SelectedOperation::Delete, Some(_)) => {
            Err(Error::invalid("/patch", "unknown-field", "is for an update"))
        }
        (SelectedOperation::Update, patch) => {
            let patch = patch.unwrap_or_default();
            let read = MergePatch::parse(patch.clone())
                .ok_or_else(|| Error::invalid("/patch", "type", "must be an object"))?;
            read.ensure_not_touched(hidden).map_err(|error| within("/patch", error))?;
            Ok(patch)
        }
    }
}

/// Fails unless the patch names fields of the records only: the check that needs no record.
fn known_fields(schema: &Schema, patch: &Value) -> Result<()> {
    let names = patch.as_object().into_iter().flat_map(|patch| patch.keys());
    let unknown = names.filter(|name| schema.field(name).is_none());
    let violations: Vec<Violation> = unknown
        .map(|name| {
            Violation::new(format!("/patch/{name}"), "unknown-field", format!("unknown field `{name}`"))
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

fn changed(resource: &ResourceHandle, records: Vec<StoredRecord>, patch: &Value) -> Result<Vec<Update>> {
    let one = |before: StoredRecord| {
        let patch =
            MergePatch::parse(patch.clone()).ok_or_else(|| Error::invalid("", "type", "must be an object"));
        let after = patch.and_then(|patch| resource.patched(&before, patch));
        Ok(Update::new(resource, before, after.map_err(|error| within("/patch", error))?)?)
    };
    records.into_iter().map(one).collect()
}

async fn write_all<W: BulkWrite>(resource: &ResourceHandle, tx: &mut TenantTx, items: Vec<W>) -> Result<()> {
    for part in items.chunks(AT_ONCE) {
        W::write_all(resource, tx, part).await?;
    }
    Ok(())
}
