//! Whether professionals are there, and at work, when they are booked. That nobody else has the hour is for the database.

use std::collections::HashMap;

use db::{Scoped, ScopedWrite, TenantTx};
use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{Booking, BookingStatus, NOBODY};
use crate::{
    professionals::{Calendar, Exception, ProfessionalStatus, Span, WeeklyHours},
    rule::Rule,
};

const INACTIVE: Rule =
    Rule::conflict("booking-professional-inactive", "/professional_id", "the professional is not active");
const OUTSIDE: Rule = Rule::conflict(
    "booking-outside-hours",
    "/starts_at",
    "the professional does not work then; say outside_hours if that is meant",
);

/// Somebody who is to be booked.
#[derive(FromRow)]
struct Wanted {
    id: Uuid,
    status: ProfessionalStatus,
    time_zone: String,
    weekly_hours: Json<Vec<WeeklyHours>>,
    exceptions: Json<Vec<Exception>>,
}

/// Which of these hours are not booked so already. What is booked was looked at when it was: that hours are others now is no
/// reason to refuse a new title. And whatever else wants the very same hours is refused by whose they are.
const NEW: Scoped = Scoped::new(
    "select asked.place from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) with ordinality
         as asked (professional_id, starts_at, ends_at, place)
     where not exists (
         select from app.bookings b
         where b.account_id = $1 and b.professional_id = asked.professional_id and b.starts_at = asked.starts_at
           and b.ends_at = asked.ends_at and b.status = 'booked' and b.deleted_at is null)",
);
const WANTED: Scoped = Scoped::new(
    "select id, status, time_zone, weekly_hours, exceptions from app.professionals where account_id = $1 and id = any ($2)",
);
/// In the way of no foreign key, which takes less.
const HOLD: ScopedWrite = ScopedWrite::new(
    "select id from app.professionals where account_id = $1 and id = any ($2) order by id for no key update",
);

/// Fails unless those who are newly booked are within reach of whoever writes, active, and at work.
pub(super) async fn is_there(tx: &mut TenantTx, all: &[&Booking]) -> db::Result<()> {
    let new = new(tx, all).await?;
    let ids: Vec<_> = new.iter().map(|booking| booking.professional_id).collect();
    if new.is_empty() {
        return Ok(());
    }
    if !db::all_found(tx, &ids).await? {
        return Err(NOBODY.into());
    }
    let wanted = tx.read::<Wanted>(WANTED).bind(uuids(&new)).all().await?;
    let wanted: HashMap<Uuid, Wanted> = wanted.into_iter().map(|one| (one.id, one)).collect();
    for booking in new {
        let one = wanted.get(&booking.professional_id.into()).ok_or(NOBODY)?;
        one.takes(booking)?;
    }
    Ok(())
}

/// Holds all whom these take, in the order of their ids, as the database would for one statement: a batch may need several.
pub(super) async fn hold(tx: &mut TenantTx, all: &[&Booking]) -> db::Result<()> {
    tx.write_unnoted::<(Uuid,)>(HOLD).bind(uuids(all)).all().await?;
    Ok(())
}

async fn new<'b>(tx: &mut TenantTx, all: &[&'b Booking]) -> db::Result<Vec<&'b Booking>> {
    let booked: Vec<_> = all.iter().copied().filter(|one| one.status == BookingStatus::Booked).collect();
    if booked.is_empty() {
        return Ok(booked);
    }
    let (starts, ends): (Vec<_>, Vec<_>) = booked.iter().map(|one| (one.starts_at, one.ends_at)).unzip();
    let places = tx.read::<(i64,)>(NEW).bind(uuids(&booked)).bind(starts).bind(ends).all().await?;
    let at = |(place,): (i64,)| booked.get(usize::try_from(place).ok()?.checked_sub(1)?).copied();
    Ok(places.into_iter().filter_map(at).collect())
}

fn uuids(bookings: &[&Booking]) -> Vec<Uuid> {
    bookings.iter().map(|booking| booking.professional_id.into()).collect()
}

impl Wanted {
    fn takes(&self, booking: &Booking) -> Result<(), Rule> {
        if self.status != ProfessionalStatus::Active {
            return Err(INACTIVE);
        }
        let time = Span { from: booking.starts_at, to: booking.ends_at };
        let calendar = Calendar::of(&self.time_zone, &self.weekly_hours, &self.exceptions);
        if booking.outside_hours || calendar.is_some_and(|calendar| calendar.covers(time)) {
            Ok(())
        } else {
            Err(OUTSIDE)
        }
    }
}
