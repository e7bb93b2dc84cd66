//! Many records in one request: created, changed, removed or restored, all or nothing, or each for itself.

mod answer;
mod body;
mod items;
mod operations;
mod permit;
mod selection;

use std::collections::HashSet;

use db::{Hidden, Record, Resource, TenantTx};
use http::StatusCode;
use serde::Serialize;

pub(super) use answer::{Done, Results};
pub(super) use body::BulkOf;
use body::{Bulk, Change, Operation as Kind, Removal, Restoration};
use items::{Told, all_or_nothing, good, put_back};
use operations::{Creation, Operation};
use permit::MaySome;
pub(super) use selection::{
    BulkApplied, BulkOrder, BulkPreview, BulkWish, SelectedOperation, apply, preview,
};

use super::{Begun, Once};
use crate::{Answered, Error, IdempotencyKey, Json, May, Result};

pub(super) async fn bulk<R: Resource>(
    may: MaySome<R>,
    key: Option<IdempotencyKey>,
    Json(asked): Json<Bulk>,
) -> Result<Answered<Done<R>>> {
    match asked.operation {
        Kind::Create => run::<R, Creation<R>>(&may.to()?, key, asked).await,
        Kind::Update => run::<R, Change<R>>(&may.to()?, key, asked).await,
        Kind::Delete => run::<R, Removal<R>>(&may.to()?, key, asked).await,
        Kind::Restore => run::<R, Restoration<R>>(&may.to()?, key, asked).await,
    }
}

async fn run<R: Resource, O: Operation<R>>(
    may: &May<O::Action, R>,
    key: Option<IdempotencyKey>,
    asked: Bulk,
) -> Result<Answered<Done<R>>> {
    let (hidden, atomic) = (may.hidden(), asked.atomic);
    let once = Once::of(key, &asked)?;
    let mut read = read::<R, O>(asked, &hidden);
    if atomic {
        read = all_or_nothing(read, O::FIELDS)?.into_iter().map(Ok).collect();
    }
    let mut tx = match once.begin_with::<R, _>(may.begin().await?).await? {
        Begun::First(tx) => tx,
        Begun::Again(answer) => return Ok(answer),
    };
    let mut written = write(&mut tx, read).await?;
    if atomic {
        written = all_or_nothing(written, O::FIELDS)?.into_iter().map(Ok).collect();
    }
    let status = if atomic { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let body = told::<R, O>(&mut tx, written).await?;
    once.answer_with::<R, _>(tx, Done::new(status, body)).await
}

/// Reads every item, without the database. A record stands in one item: of two writes of one request to it, the second
/// would not have seen the first.
fn read<R: Resource, O: Operation<R>>(asked: Bulk, hidden: &Hidden) -> Vec<Result<O>> {
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

/// Writes what can be written, and tells of each item what became of it.
async fn write<R: Resource, O: Operation<R>>(
    tx: &mut TenantTx,
    items: Vec<Result<O>>,
) -> Result<Vec<Result<Record<R>>>> {
    let (items, places) = good(items);
    let prepared = put_back(places, O::prepare(tx, items).await?);
    let (ready, places) = good(prepared);
    let written = db::write_each(tx, &ready).await?;
    Ok(put_back(places, written.into_iter().map(|one| one.map_err(Error::from))))
}

/// The body of the answer.
async fn told<R: Resource, O: Operation<R>>(
    tx: &mut TenantTx,
    written: Vec<Result<Record<R>>>,
) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(bound = "R: Resource")]
    struct Body<R> {
        data: Vec<Told<R>>,
    }
    let (records, places) = good(written);
    let mut records = db::visible_each(tx, records).await?.into_iter();
    let each = places.into_iter().enumerate().filter_map(|(at, failed)| match failed {
        Some(error) => Some(Told::refused(at, O::FIELDS, error)),
        None => records.next().map(|record| Ok(Told::done(O::DONE, record))),
    });
    let body = Body { data: each.collect::<Result<_>>()? };
    serde_json::to_vec(&body).map_err(|error| Error::Internal(error.into()))
}
