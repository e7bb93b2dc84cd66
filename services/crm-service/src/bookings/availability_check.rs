//! Checks that booked professionals exist, are active and work at that time. Overlaps are refused by a database
//! constraint.

use std::collections::HashMap;

use db::{FromRow, Json, TenantCommand, TenantQuery, TenantTx};
use resource::Resource as _;
use uuid::Uuid;

use super::{Booking, BookingStatus, NOBODY};
use crate::professionals::Professional;
use crate::{
    professionals::{Calendar, ProfessionalStatus, TimeSlot, WeeklyHours, WorkingHoursException},
    refusal::Rule,
};

const INACTIVE: Rule =
    Rule::conflict("booking-professional-inactive", "/professional_id", "the professional is not active");
const OUTSIDE: Rule = Rule::conflict(
    "booking-outside-hours",
    "/starts_at",
    "the professional does not work then; say outside_hours if that is meant",
);

/// The part of a professional that a booking is checked against.
#[derive(FromRow)]
struct BookingRequest {
    id: Uuid,
    status: ProfessionalStatus,
    time_zone: String,
    weekly_hours: Json<Vec<WeeklyHours>>,
    exceptions: Json<Vec<WorkingHoursException>>,
}

/// Selects the bookings that are new. Unchanged bookings are not checked again: a later change of working hours must
/// not block editing a title. Overlaps are refused by the constraint.
const NEW: TenantQuery = TenantQuery::new(
    "select asked.place from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) with ordinality
         as asked (professional_id, starts_at, ends_at, place)
     where not exists (
         select from app.bookings b
         where b.account_id = $1 and b.professional_id = asked.professional_id and b.starts_at = asked.starts_at
           and b.ends_at = asked.ends_at and b.status = 'booked' and b.deleted_at is null)",
);
const WANTED: TenantQuery = TenantQuery::new(
    "select id, status, time_zone, weekly_hours, exceptions from app.professionals where account_id = $1 and id = any ($2)",
);
/// Does not conflict with foreign-key checks, which take a weaker lock (`for key share`).
const HOLD: TenantCommand = TenantCommand::new(
    "select id from app.professionals where account_id = $1 and id = any ($2) order by id for no key update",
);

/// Refuses new bookings of professionals who are out of the caller's scope, inactive or off work.
pub(super) async fn is_within_working_hours(tx: &mut TenantTx, all: &[&Booking]) -> db::Result<()> {
    let new = new(tx, all).await?;
    let ids: Vec<_> = new.iter().map(|booking| booking.professional_id).collect();
    if new.is_empty() {
        return Ok(());
    }
    if !resource::all_exist(tx, &Professional::ACCESS, ids.iter().map(|id| (*id).into())).await? {
        return Err(NOBODY.into());
    }
    let wanted = tx.read::<BookingRequest>(WANTED).bind(uuids(&new)).all().await?;
    let wanted: HashMap<Uuid, BookingRequest> = wanted.into_iter().map(|one| (one.id, one)).collect();
    for booking in new {
        let one = wanted.get(&booking.professional_id.into()).ok_or(NOBODY)?;
        one.occupies(booking)?;
    }
    Ok(())
}

/// Locks all professionals of these bookings in the order of their ids, so that batches cannot deadlock.
pub(super) async fn hold(tx: &mut TenantTx, all: &[&Booking]) -> db::Result<()> {
    tx.execute_untracked::<(Uuid,)>(HOLD).bind(uuids(all)).all().await?;
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

impl BookingRequest {
    fn occupies(&self, booking: &Booking) -> Result<(), Rule> {
        if self.status != ProfessionalStatus::Active {
            return Err(INACTIVE);
        }
        let time = TimeSlot { from: booking.starts_at, to: booking.ends_at };
        let calendar = Calendar::new(&self.time_zone, &self.weekly_hours, &self.exceptions);
        if booking.outside_hours || calendar.is_some_and(|calendar| calendar.covers(time)) {
            Ok(())
        } else {
            Err(OUTSIDE)
        }
    }
}
