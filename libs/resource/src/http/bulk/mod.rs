//! Bulk writes: create, update, delete or restore many records in one request, atomically or item by item.

mod answer;
mod body;
mod items;
mod operations;
mod selection;

use std::collections::HashSet;

use db::{HiddenFields, TenantTx};
use http::StatusCode;
use serde::Serialize;
use web::{Error, IdempotencyKey, IdempotencyOutcome, Idempotent, Json, Replayable, Result};

pub(super) use answer::{BulkOutcome, outcome, results, results_name};
use body::{Bulk, Change, Operation as Kind, Removal, Restoration};
pub(super) use body::{request, request_name, request_parts};
use items::{ItemOutcome, all_or_nothing, good, put_back};
use operations::{Creation, Operation};
pub(super) use selection::{
    BulkApplyRequest, BulkApplyResult, BulkPreview, BulkPreviewRequest, SelectedOperation, apply, preview,
};

use super::caller::{AnyWriter, Caller};
use crate::{ResourceHandle, StoredRecord};

pub(super) async fn bulk(
    writer: AnyWriter,
    key: Option<IdempotencyKey>,
    Json(asked): Json<Bulk>,
) -> Result<Replayable<BulkOutcome>> {
    match asked.operation {
        Kind::Create => run::<Creation>(&writer.authorize()?, key, asked).await,
        Kind::Update => run::<Change>(&writer.authorize()?, key, asked).await,
        Kind::Delete => run::<Removal>(&writer.authorize()?, key, asked).await,
        Kind::Restore => run::<Restoration>(&writer.authorize()?, key, asked).await,
    }
}

async fn run<O: Operation>(
    caller: &Caller<O::Action>,
    key: Option<IdempotencyKey>,
    asked: Bulk,
) -> Result<Replayable<BulkOutcome>> {
    let (resource, atomic) = (caller.resource(), asked.atomic);
    let idempotent = Idempotent::new(key, &asked)?.with_records(resource.schema().access);
    let mut read = read::<O>(resource, asked, &caller.hidden_fields());
    if atomic {
        read = all_or_nothing(read, O::FIELDS)?.into_iter().map(Ok).collect();
    }
    let mut tx = match idempotent.begin(caller.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let mut written = write(resource, &mut tx, read).await?;
    if atomic {
        written = all_or_nothing(written, O::FIELDS)?.into_iter().map(Ok).collect();
    }
    let status = if atomic { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let body = body_of::<O>(resource, &mut tx, written).await?;
    idempotent.answer(tx, BulkOutcome::new(status, body)).await
}

/// Parses every item without the database. A record may occur in one item only: a second write would not be based
/// on the result of the first.
fn read<O: Operation>(resource: &ResourceHandle, asked: Bulk, hidden: &HiddenFields) -> Vec<Result<O>> {
    let mut seen = HashSet::new();
    let mut one = |item| {
        let item = O::read(resource, item, hidden)?;
        match item.id() {
            Some(id) if !seen.insert(id) => {
                Err(Error::invalid("/id", "duplicate", "stands in an item before this one"))
            }
            _ => Ok(item),
        }
    };
    asked.items.into_iter().map(&mut one).collect()
}

/// Writes all items that can be written, and returns one result per item.
async fn write<O: Operation>(
    resource: &ResourceHandle,
    tx: &mut TenantTx,
    items: Vec<Result<O>>,
) -> Result<Vec<Result<StoredRecord>>> {
    let (items, places) = good(items);
    let prepared = put_back(places, O::prepare(resource, tx, items).await?);
    let (ready, places) = good(prepared);
    let written = resource.write_each(tx, &ready).await?;
    Ok(put_back(places, written.into_iter().map(|one| one.map_err(Error::from))))
}

/// Serializes the body of the response.
async fn body_of<O: Operation>(
    resource: &ResourceHandle,
    tx: &mut TenantTx,
    written: Vec<Result<StoredRecord>>,
) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Body {
        data: Vec<ItemOutcome>,
    }
    let (records, places) = good(written);
    let mut records = resource.visible_each(tx, records).await?.into_iter();
    let each = places.into_iter().enumerate().filter_map(|(at, failed)| match failed {
        Some(error) => Some(ItemOutcome::refused(at, O::FIELDS, error)),
        None => records.next().map(|record| Ok(ItemOutcome::done(O::DONE, record))),
    });
    let body = Body { data: each.collect::<Result<_>>()? };
    serde_json::to_vec(&body).map_err(|error| Error::Internal(error.into()))
}
