//! Who has time.

use db::{Dress, Page, Pager, Paging, Record, Resource as _, Scoped, Within};
use web::{Listed, May, Query, Read, Result};

use super::{Calendar, Professional, Span, asked::Wish, availability::sees_time};

/// Who is looked at for one page.
const LOOKED_AT: usize = 1_000;

/// Those who are active, can do it and are not booked, each with their hours: whether they work then, their clock tells.
/// `$2` and `$3` are the time, `{0}` is how far the caller reaches among them.
const CANDIDATES: Within<Scoped, 1> = Within::reading(
    "select p.id, p.version, p.created_at, p.created_by, p.updated_at, p.updated_by, p.name, p.email, p.phone,
            p.specialties, p.skills, p.services, p.certifications, p.rating, p.portfolio_url, p.currency, p.time_zone,
            p.weekly_hours, p.exceptions, p.status, p.owner_id, p.bio
     from app.professionals p
     where p.account_id = $1 and p.status = 'active' and p.deleted_at is null and ($4::uuid is null or p.id > $4){0}
       and ($5::text is null or exists (
           select from jsonb_array_elements(p.skills) s
           where app.fold(s ->> 'name') = app.fold($5) and (s ->> 'level')::int >= $6))
       and ($7::text is null or exists (select from unnest(p.specialties) s where app.fold(s) = app.fold($7)))
       and not exists (
           select from app.bookings b
           where b.account_id = $1 and b.professional_id = p.id and b.status <> 'cancelled' and b.deleted_at is null
             and b.starts_at < $3 and b.starts_at > $2 - interval '24 hours' and b.ends_at > $2)
     order by p.id limit $8",
);

/// Tell who has time.
///
/// Those who work all of this time and are not booked in any of it, by when they were added. A thousand are looked at for a
/// page: it may have fewer than `limit`, or none, and `has_more`.
#[utoipa::path(get, path = "/api/v1/professionals/available", params(Wish), tag = "professionals")]
pub(super) async fn available(
    may: May<Read, Professional>,
    Query(asked): Query<Wish>,
) -> Result<Listed<Professional>> {
    let view = may.view();
    sees_time(&view.hidden)?;
    asked.spares(&view.hidden)?;
    let (time, level) = (asked.span()?, asked.level()?);

    let mut tx = may.begin_reading().await?;
    let within = [tx.readable::<Professional>("p")];
    let [reach] = &within;
    let (from, to, level_said) = (time.from.to_string(), time.to.to_string(), level.to_string());
    let (skill, specialty) = (asked.skill.as_deref(), asked.specialty.as_deref());
    let list = [
        Professional::PLURAL,
        "available",
        &from,
        &to,
        skill.unwrap_or_default(),
        &level_said,
        specialty.unwrap_or_default(),
        reach.as_str(),
    ];
    let pager = Pager::new(&tx, &list, &Paging { limit: asked.limit, cursor: asked.cursor })?;
    let statement =
        tx.read_within::<Record<Professional>, 1>(CANDIDATES, &within).bind(time.from).bind(time.to);
    let statement = statement.bind(pager.after()).bind(skill).bind(level).bind(specialty);
    let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
    let mut data = statement.bind(most).all().await?;

    let last = data.last().filter(|_| data.len() == LOOKED_AT).map(|last| last.id.into());
    data.retain(|one| works(&one.data, time));
    let page = pager.picked(&mut data, |one| one.id.into(), last);
    let dress = Dress::understand::<Professional>(None, None, &view)?;
    let shown = if dress.is_plain() { None } else { Some(dress.put_on(&mut tx, &data).await?) };
    Ok(Listed::shown(Page { data, page }, shown))
}

fn works(one: &Professional, time: Span) -> bool {
    let calendar = Calendar::of(&one.time_zone, &one.weekly_hours, &one.exceptions);
    calendar.is_some_and(|calendar| calendar.covers(time))
}
