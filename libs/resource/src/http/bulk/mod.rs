//! Bulk writes: create, update, delete or restore many records in one request, atomically or item by item.

mod answer;
mod authorized;
mod body;
mod items;
mod operations;
mod selection;

use std::collections::HashSet;

use db::{HiddenFields, TenantTx};
use http::StatusCode;
use serde::Serialize;

use crate::{Record, Resource};

pub(super) use answer::{BulkOutcome, BulkResults};
use authorized::AuthorizedAny;
pub(super) use body::BulkOf;
use body::{Bulk, Change, Operation as Kind, Removal, Restoration};
use items::{ItemOutcome, all_or_nothing, good, put_back};
use operations::{Creation, Operation};
pub(super) use selection::{
    BulkApplyRequest, BulkApplyResult, BulkPreview, BulkPreviewRequest, SelectedOperation, apply, preview,
};

use web::{Authorized, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, Json, Replayable, Result};

pub(super) async fn bulk<R: Resource>(
    auth: AuthorizedAny<R>,
    key: Option<IdempotencyKey>,
    Json(asked): Json<Bulk>,
) -> Result<Replayable<BulkOutcome<R>>> {
    match asked.operation {
        Kind::Create => run::<R, Creation<R>>(&auth.authorize()?, key, asked).await,
        Kind::Update => run::<R, Change<R>>(&auth.authorize()?, key, asked).await,
        Kind::Delete => run::<R, Removal<R>>(&auth.authorize()?, key, asked).await,
        Kind::Restore => run::<R, Restoration<R>>(&auth.authorize()?, key, asked).await,
    }
}

async fn run<R: Resource, O: Operation<R>>(
    auth: &Authorized<O::Action, R>,
    key: Option<IdempotencyKey>,
    asked: Bulk,
) -> Result<Replayable<BulkOutcome<R>>> {
    let (hidden, atomic) = (auth.hidden_fields(), asked.atomic);
    let idempotent = Idempotent::new(key, &asked)?.with_records(R::ACCESS);
    let mut read = read::<R, O>(asked, &hidden);
    if atomic {
        read = all_or_nothing(read, O::FIELDS)?.into_iter().map(Ok).collect();
    }
    let mut tx = match idempotent.begin(auth.begin().await?).await? {
        IdempotencyOutcome::New(tx) => tx,
        IdempotencyOutcome::Replay(answer) => return Ok(answer),
    };
    let mut written = write(&mut tx, read).await?;
    if atomic {
        written = all_or_nothing(written, O::FIELDS)?.into_iter().map(Ok).collect();
    }
    let status = if atomic { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let body = told::<R, O>(&mut tx, written).await?;
    idempotent.answer(tx, BulkOutcome::new(status, body)).await
}

/// Parses every item without the database. A record may occur in one item only: a second write would not be based
/// on the result of the first.
fn read<R: Resource, O: Operation<R>>(asked: Bulk, hidden: &HiddenFields) -> Vec<Result<O>> {
    let mut seen = HashSet::new();
    let mut one = |item| {
        let item = O::read(item, hidden)?;
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
async fn write<R: Resource, O: Operation<R>>(
    tx: &mut TenantTx,
    items: Vec<Result<O>>,
) -> Result<Vec<Result<Record<R>>>> {
    let (items, places) = good(items);
    let prepared = put_back(places, O::prepare(tx, items).await?);
    let (ready, places) = good(prepared);
    let written = crate::write_each(tx, &ready).await?;
    Ok(put_back(places, written.into_iter().map(|one| one.map_err(Error::from))))
}

/// Serializes the body of the response.
async fn told<R: Resource, O: Operation<R>>(
    tx: &mut TenantTx,
    written: Vec<Result<Record<R>>>,
) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(bound = "R: Resource")]
    struct Body<R> {
        data: Vec<ItemOutcome<R>>,
    }
    let (records, places) = good(written);
    let mut records = crate::visible_each(tx, records).await?.into_iter();
    let each = places.into_iter().enumerate().filter_map(|(at, failed)| match failed {
        Some(error) => Some(ItemOutcome::refused(at, O::FIELDS, error)),
        None => records.next().map(|record| Ok(ItemOutcome::done(O::DONE, record))),
    });
    let body = Body { data: each.collect::<Result<_>>()? };
    serde_json::to_vec(&body).map_err(|error| Error::Internal(error.into()))
}
