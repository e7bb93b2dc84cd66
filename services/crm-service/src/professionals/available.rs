//! Search for professionals who are available in a time range.

use db::{RestrictedStatement, TenantQuery};
use resource::{ListResponse, Page, PageParams, Pager, Projection, Record, Resource as _, Schema};
use web::{Authorized, Query, Read, Result};

use super::{Calendar, Professional, TimeSlot, availability::sees_time, params::AvailabilityParams};

/// Maximum number of candidates examined per page.
const LOOKED_AT: usize = 1_000;

/// Active professionals with the skill who are not booked, with their hours, which are evaluated in their local time.
/// Id and metadata lead, as in every statement that returns records. `$2` and `$3` are the time range; `{0}` is the caller's scope.
const CANDIDATES: RestrictedStatement<TenantQuery, 1> = RestrictedStatement::reading(
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

/// List professionals who are available in a time range.
///
/// They work during the whole range and are not booked in it; the order is that of their creation. A page examines a
/// thousand professionals: it may have fewer than `limit` entries, or none, while `has_more` is true.
#[utoipa::path(
    get,
    path = "/api/v1/professionals/available",
    params(AvailabilityParams),
    tag = "professionals"
)]
pub(super) async fn list_available_professionals(
    auth: Authorized<Read, Professional>,
    Query(params): Query<AvailabilityParams>,
) -> Result<ListResponse<Professional>> {
    let view = auth.view();
    sees_time(&view.hidden)?;
    params.spares(&view.hidden)?;
    let (time, level) = (params.span()?, params.level()?);

    let mut tx = auth.begin_read_only().await?;
    let within = [tx.readable(&Professional::ACCESS, "p")];
    let [reach] = &within;
    let (from, to, level_said) = (time.from.to_string(), time.to.to_string(), level.to_string());
    let (skill, specialty) = (params.skill.as_deref(), params.specialty.as_deref());
    let list = [
        Professional::TABLE,
        "available",
        &from,
        &to,
        skill.unwrap_or_default(),
        &level_said,
        specialty.unwrap_or_default(),
        reach.as_str(),
    ];
    let pager = Pager::new(&tx, &list, &PageParams { limit: params.limit, cursor: params.cursor })?;
    let statement =
        tx.read_restricted::<Record<Professional>, 1>(CANDIDATES, &within).bind(time.from).bind(time.to);
    let statement = statement.bind(pager.after()).bind(skill).bind(level).bind(specialty);
    let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
    let mut data = statement.bind(most).all().await?;

    let last = data.last().filter(|_| data.len() == LOOKED_AT).map(|last| last.id.into());
    data.retain(|one| works(&one.data, time));
    let page = pager.picked(&mut data, |one| one.id.into(), last);
    let projection = Projection::parse(Schema::of::<Professional>(), None, None, &view)?;
    let data = data.into_iter().map(Record::into_stored).collect();
    ListResponse::new(&mut tx, Page { data, page }, projection).await
}

fn works(one: &Professional, time: TimeSlot) -> bool {
    let calendar = Calendar::new(&one.time_zone, &one.weekly_hours, &one.exceptions);
    calendar.is_some_and(|calendar| calendar.covers(time))
}
