//! Bookings of professionals' hours.

use std::collections::BTreeMap;

use crm_service::bookings::Booking;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};
use uuid::Uuid;

use crate::{made, nexo};

const RIGHTS: &str = "professional:* booking:*";

/// Creates a professional who works around the clock from Monday to Friday, in UTC.
async fn professional(person: &TestUser, name: &str) -> Value {
    let hours = |day: &&str| json!({ "weekday": day, "from": "00:00", "to": "24:00" });
    let weekly: Vec<_> = ["monday", "tuesday", "wednesday", "thursday", "friday"].iter().map(hours).collect();
    made(person, "/professionals", json!({ "name": name, "time_zone": "UTC", "weekly_hours": weekly })).await
}

/// Body of a booking on Monday, 1 June 2026, or `day` days later.
fn booking(professional: &Value, day: u32, from: &str, to: &str) -> Value {
    let at = |time: &str| format!("2026-06-{:02}T{time}:00Z", 1 + day);
    json!({ "professional_id": professional["id"], "title": "Visit", "starts_at": at(from), "ends_at": at(to) })
}

fn path(booking: &Value) -> String {
    format!("/bookings/{}", booking["id"].as_str().unwrap())
}

async fn restore(person: &TestUser, booking: &Value) -> TestResponse {
    person.post(&format!("{}/restore", path(booking)), json!({})).await
}

async fn bulk(person: &TestUser, operation: &str, atomic: bool, items: Value) -> TestResponse {
    person.post("/bookings/bulk", json!({ "operation": operation, "items": items, "atomic": atomic })).await
}

fn overlaps(answer: TestResponse) {
    let problem = answer.expect(StatusCode::CONFLICT);
    assert_eq!(
        (&problem["code"], &problem["errors"][0]["pointer"]),
        (&json!("booking-overlaps"), &json!("/starts_at"))
    );
}

#[tokio::test]
async fn bookings_are_kept() {
    let sample = async |person: &TestUser| {
        let client = made(person, "/clients", json!({ "name": "Acme" })).await;
        let roof = json!({ "client_id": client["id"], "name": "New roof", "code": Uuid::now_v7() });
        let project = made(person, "/projects", roof).await;
        let mut booking = booking(&professional(person, "Zoë").await, 0, "09:00", "10:30");
        let more = json!({ "client_id": client["id"], "project_id": project["id"], "status": "booked", "outside_hours": false,
                           "rate": "45.50", "unit": "hour", "currency": "EUR", "notes": "Bring slates." });
        booking.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        booking
    };
    let rights = "professional:* client:* project:*";
    let change = json!({ "status": "done", "rate": null, "notes": null, "ends_at": "2026-06-01T11:00:00Z" });
    testkit::assert_resource_contract_with_references::<Booking>(&nexo().await, rights, sample, change).await;
}

/// Repeated, because the requests of the first round are serialized by opening connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_bookings_of_one_hour_at_once_one_succeeds() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    for day in 0..5 {
        let mut requests = tokio::task::JoinSet::new();
        for at in 0..50 {
            let from = if at % 2 == 0 { "09:00" } else { "09:30" };
            let (ana, body) = (ana.clone(), booking(&zoe, day, from, "10:00"));
            requests.spawn(async move { ana.post("/bookings", body).await });
        }
        let mut told = BTreeMap::new();
        for answer in requests.join_all().await {
            let code = answer.body["code"].as_str().map(ToOwned::to_owned);
            *told.entry((answer.status.as_u16(), code)).or_insert(0) += 1;
        }
        let refused = (409, Some("booking-overlaps".to_owned()));
        assert_eq!(told, BTreeMap::from([((201, None), 1), (refused, 49)]));
    }
    let kept = ana.get("/bookings?count=exact").await.expect(StatusCode::OK);
    assert_eq!(kept["page"]["total"], 5);
}

#[tokio::test]
async fn bookings_of_one_professional_do_not_overlap() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let (zoe, max) = (professional(&ana, "Zoë").await, professional(&ana, "Max").await);
    let first = made(&ana, "/bookings", booking(&zoe, 0, "09:00", "11:00")).await;
    for (from, to) in
        [("09:00", "11:00"), ("08:00", "09:01"), ("10:59", "12:00"), ("09:30", "10:00"), ("08:00", "12:00")]
    {
        overlaps(ana.post("/bookings", booking(&zoe, 0, from, to)).await);
    }
    for (who, from, to) in [(&zoe, "08:00", "09:00"), (&zoe, "11:00", "12:00"), (&max, "09:00", "11:00")] {
        made(&ana, "/bookings", booking(who, 0, from, to)).await;
    }
    let long = json!({ "professional_id": zoe["id"], "title": "Long", "starts_at": "2026-06-02T00:00:00Z", "ends_at": "2026-06-03T00:00:00Z" });
    made(&ana, "/bookings", long).await;
    let mut late = booking(&zoe, 1, "23:59", "24:00");
    late["ends_at"] = json!("2026-06-03T00:30:00Z");
    overlaps(ana.post("/bookings", late).await);

    let moved = ana.patch(&path(&first), &first, json!({ "starts_at": "2026-06-01T08:30:00Z" })).await;
    overlaps(moved);
    overlaps(ana.patch(&path(&first), &first, json!({ "professional_id": max["id"] })).await);
    let shorter = json!({ "starts_at": "2026-06-01T09:30:00Z", "title": "Shorter" });
    let first = ana.patch(&path(&first), &first, shorter).await.expect(StatusCode::OK);
    made(&ana, "/bookings", booking(&zoe, 0, "09:00", "09:30")).await;
    let first = ana.patch(&path(&first), &first, json!({ "status": "done" })).await.expect(StatusCode::OK);
    overlaps(ana.post("/bookings", booking(&zoe, 0, "09:45", "10:00")).await);
    assert_eq!(first["status"], "done", "whose hours stay taken");
}

#[tokio::test]
async fn what_is_cancelled_or_in_the_trash_takes_no_time_until_it_is_back() {
    let ana = nexo().await.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    let hour = booking(&zoe, 0, "09:00", "10:00");
    let first = made(&ana, "/bookings", hour.clone()).await;
    assert_eq!(ana.delete(&path(&first), &first).await.status, StatusCode::NO_CONTENT);
    let second = made(&ana, "/bookings", hour.clone()).await;
    overlaps(restore(&ana, &first).await);
    let items = json!([{ "id": first["id"] }]);
    let refused = bulk(&ana, "restore", true, items.clone()).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["errors"][0]["code"], "booking-overlaps");

    let cancelled = ana.patch(&path(&second), &second, json!({ "status": "cancelled" })).await;
    let cancelled = cancelled.expect(StatusCode::OK);
    assert_eq!(bulk(&ana, "restore", true, items).await.status, StatusCode::OK);
    overlaps(ana.post("/bookings", hour).await);
    let titled = ana.patch(&path(&second), &cancelled, json!({ "title": "Was to be" })).await;
    let titled = titled.expect(StatusCode::OK);
    let again = ana.patch(&path(&second), &titled, json!({ "status": "booked" })).await;
    assert_eq!(again.expect(StatusCode::CONFLICT)["code"], "booking-status-impossible");
}

#[tokio::test]
async fn a_booking_goes_from_booked_to_done_or_cancelled() {
    let ana = nexo().await.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    let statuses = ["booked", "done", "cancelled"];
    for (at, from) in statuses.iter().enumerate() {
        for (plus, to) in statuses.iter().enumerate() {
            let hour = format!("{:02}:00", 3 * at + plus);
            let mut new = booking(&zoe, 0, &hour, &hour.replace(":00", ":30"));
            new["status"] = json!(from);
            let booking = made(&ana, "/bookings", new).await;
            let moved = ana.patch(&path(&booking), &booking, json!({ "status": to })).await;
            let good = from == to || *from == "booked";
            assert_eq!(moved.status, if good { StatusCode::OK } else { StatusCode::CONFLICT }, "{from} {to}");
        }
    }
}

#[tokio::test]
async fn a_booking_outside_working_hours_needs_its_flag() {
    let ana = nexo().await.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    for (day, from, to) in [(5, "09:00", "10:00"), (4, "23:00", "24:00")] {
        let mut hour = booking(&zoe, day, from, to);
        if to == "24:00" {
            hour["ends_at"] = json!("2026-06-06T00:30:00Z");
        }
        let refused = ana.post("/bookings", hour.clone()).await.expect(StatusCode::CONFLICT);
        assert_eq!(
            (&refused["code"], &refused["errors"][0]["pointer"]),
            (&json!("booking-outside-hours"), &json!("/starts_at"))
        );
        let item = bulk(&ana, "create", false, json!([hour, booking(&zoe, day, from, "23:30")])).await;
        assert_eq!(
            item.expect(StatusCode::MULTI_STATUS)["data"][0]["problem"]["code"],
            "booking-outside-hours"
        );
        hour["outside_hours"] = json!(true);
        if day == 5 {
            made(&ana, "/bookings", hour).await;
        } else {
            overlaps(ana.post("/bookings", hour).await); // with the other of the batch, which was within
        }
    }
    let nobody = made(&ana, "/professionals", json!({ "name": "Max", "time_zone": "UTC" })).await;
    let refused =
        ana.post("/bookings", booking(&nobody, 0, "09:00", "10:00")).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "booking-outside-hours", "without hours there are none");
}

#[tokio::test]
async fn hours_are_those_of_the_clock_when_it_is_put_forward() {
    let ana = nexo().await.person(RIGHTS).await;
    let hours = json!([{ "weekday": "sunday", "from": "01:00", "to": "05:00" }]);
    let ida = made(
        &ana,
        "/professionals",
        json!({ "name": "Ida", "time_zone": "America/New_York", "weekly_hours": hours }),
    )
    .await;
    for (from, to, status) in [
        ("2026-03-08T06:00:00Z", "2026-03-08T09:00:00Z", StatusCode::CREATED), // 01:00 EST to 05:00 EDT
        ("2026-03-08T09:00:00Z", "2026-03-08T10:00:00Z", StatusCode::CONFLICT),
        ("2026-11-01T05:00:00Z", "2026-11-01T10:00:00Z", StatusCode::CREATED), // 01:00 EDT to 05:00 EST
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z", StatusCode::CONFLICT),
    ] {
        let body =
            json!({ "professional_id": ida["id"], "title": "Night", "starts_at": from, "ends_at": to });
        assert_eq!(ana.post("/bookings", body).await.status, status, "{from} {to}");
    }
}

#[tokio::test]
async fn what_was_booked_stays_as_it_is_when_hours_change() {
    let ana = nexo().await.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    let booking = made(&ana, "/bookings", booking(&zoe, 0, "09:00", "10:00")).await;
    let at = format!("/professionals/{}", zoe["id"].as_str().unwrap());
    let zoe = ana
        .patch(&at, &zoe, json!({ "weekly_hours": [], "status": "inactive" }))
        .await
        .expect(StatusCode::OK);
    let titled =
        ana.patch(&path(&booking), &booking, json!({ "title": "Still" })).await.expect(StatusCode::OK);
    let moved = json!({ "starts_at": "2026-06-01T08:00:00Z" });
    let refused = ana.patch(&path(&booking), &titled, moved.clone()).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "booking-professional-inactive");
    let zoe = ana.patch(&at, &zoe, json!({ "status": "active" })).await.expect(StatusCode::OK);
    let refused = ana.patch(&path(&booking), &titled, moved.clone()).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "booking-outside-hours");
    assert_eq!(ana.delete(&at, &zoe).await.status, StatusCode::NO_CONTENT);
    let refused = ana.patch(&path(&booking), &titled, moved).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["code"], "booking-professional-unknown");
    let done = ana.patch(&path(&booking), &titled, json!({ "status": "done" })).await;
    assert_eq!(done.status, StatusCode::OK, "what was kept was kept");
}

#[tokio::test]
async fn what_a_booking_cannot_be_is_named() {
    let nexo = nexo().await;
    let (ana, eve) = (nexo.person(RIGHTS).await, nexo.person(&format!("{RIGHTS} client:*")).await);
    let (zoe, theirs) = (professional(&ana, "Zoë").await, professional(&eve, "Max").await);
    let client = made(&eve, "/clients", json!({ "name": "Acme" })).await;
    for (field, value, code, pointer) in [
        ("professional_id", theirs["id"].clone(), "booking-professional-unknown", "/professional_id"),
        ("professional_id", json!(Uuid::now_v7()), "booking-professional-unknown", "/professional_id"),
        ("client_id", client["id"].clone(), "booking-client-unknown", "/client_id"),
        ("project_id", json!(Uuid::now_v7()), "booking-project-unknown", "/project_id"),
        ("ends_at", json!("2026-06-01T09:00:00Z"), "booking-ends-before-start", "/ends_at"),
        ("ends_at", json!("2026-06-02T09:00:00.000001Z"), "booking-too-long", "/ends_at"),
        ("rate", json!("-1"), "booking-rate-negative", "/rate"),
        ("rate", json!("1"), "booking-currency-missing", "/currency"),
        ("unit", json!("day"), "invalid", "/unit"),
        ("starts_at", json!("2026-06-01"), "invalid", "/starts_at"),
    ] {
        let mut body = booking(&zoe, 0, "09:00", "10:00");
        body[field] = value;
        let problem = ana.post("/bookings", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["pointer"]),
            (&json!(code), &json!(pointer)),
            "{problem}"
        );
    }
    let ben = nexo.member(ana.account, "professional:read@own booking:*").await;
    let blind = nexo.member(ana.account, "booking:*").await;
    for person in [ben, blind] {
        let refused = person.post("/bookings", booking(&zoe, 0, "09:00", "10:00")).await;
        assert_eq!(refused.expect(StatusCode::UNPROCESSABLE_ENTITY)["code"], "booking-professional-unknown");
    }
}

/// Every request about an inaccessible professional answers that there is none.
#[tokio::test]
async fn the_hours_of_a_professional_out_of_scope_are_not_revealed() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    let taken = made(&ana, "/bookings", booking(&zoe, 0, "09:00", "10:00")).await;
    let own = made(&ana, "/bookings", booking(&zoe, 0, "12:00", "13:00")).await;
    let gone = made(&ana, "/bookings", booking(&zoe, 0, "15:00", "16:00")).await;
    ana.delete(&path(&gone), &gone).await.expect(StatusCode::NO_CONTENT);
    made(&ana, "/bookings", booking(&zoe, 0, "15:00", "16:00")).await;
    let ben = nexo.member(ana.account, "professional:read@own booking:*").await;
    let blind = nexo.member(ana.account, "booking:*").await;
    let mut nowhere = booking(&zoe, 0, "09:00", "10:00");
    nowhere["professional_id"] = json!(Uuid::now_v7());
    let unknown = ben.post("/bookings", nowhere).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let is_unknown = |answer: TestResponse, what: &str| {
        let problem = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        for field in ["code", "detail", "errors"] {
            assert_eq!(problem[field], unknown[field], "{what}: {problem}");
        }
    };
    for person in [&ben, &blind] {
        for status in ["booked", "done", "cancelled"] {
            for (from, to) in [("09:00", "10:00"), ("09:30", "10:30"), ("20:00", "21:00")] {
                let mut wanted = booking(&zoe, 0, from, to);
                wanted["status"] = json!(status);
                is_unknown(person.post("/bookings", wanted.clone()).await, status);
                let items =
                    bulk(person, "create", false, json!([wanted])).await.expect(StatusCode::MULTI_STATUS);
                assert_eq!(items["data"][0]["problem"]["code"], "booking-professional-unknown");
            }
        }
        for patch in [
            json!({ "starts_at": taken["starts_at"], "ends_at": taken["ends_at"] }),
            json!({ "starts_at": taken["starts_at"], "ends_at": taken["ends_at"], "status": "done" }),
            json!({ "ends_at": "2026-06-01T13:30:00Z" }),
            json!({ "status": "cancelled" }),
        ] {
            is_unknown(person.patch(&path(&own), &own, patch.clone()).await, &patch.to_string());
            let item = json!([{ "id": own["id"], "version": 1, "patch": patch }]);
            let told = bulk(person, "update", false, item).await.expect(StatusCode::MULTI_STATUS);
            assert_eq!(told["data"][0]["problem"]["code"], "booking-professional-unknown", "{told}");
        }
        is_unknown(restore(person, &gone).await, "restored");
        let told = bulk(person, "restore", false, json!([{ "id": gone["id"] }])).await;
        assert_eq!(
            told.expect(StatusCode::MULTI_STATUS)["data"][0]["problem"]["code"],
            "booking-professional-unknown"
        );
    }
    let titled = ben.patch(&path(&own), &own, json!({ "title": "Another" })).await.expect(StatusCode::OK);
    assert_eq!(titled["version"], 2, "a title takes nobody's time");
    assert_eq!(ben.delete(&path(&own), &titled).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn five_hundred_are_booked_at_once_and_none_of_them_overlaps_another() {
    let ana = nexo().await.person(RIGHTS).await;
    let (zoe, max) = (professional(&ana, "Zoë").await, professional(&ana, "Max").await);
    let mut items: Vec<_> = (0..500_u32)
        .map(|n| {
            let (day, minute) = (n / 125, (n % 125) * 10);
            let at = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
            booking(if n % 2 == 0 { &zoe } else { &max }, day, &at(minute), &at(minute + 20))
        })
        .collect();
    items[499] = items[7].clone();
    let refused = bulk(&ana, "create", true, json!(items)).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["code"], "bulk-items-failed");
    assert_eq!(
        (&refused["errors"][0]["pointer"], &refused["errors"][1]),
        (&json!("/items/499/starts_at"), &Value::Null)
    );
    let told = bulk(&ana, "create", false, json!(items)).await.expect(StatusCode::MULTI_STATUS);
    let refused: Vec<_> = (0..500).filter(|at| told["data"][at]["status"] != 201).collect();
    assert_eq!((refused, &told["data"][499]["problem"]["code"]), (vec![499], &json!("booking-overlaps")));

    // All bookings move by an hour at once, so none overlaps the old time of another.
    let later: Vec<_> = told["data"].as_array().unwrap()[..499]
        .iter()
        .map(|one| {
            let record = &one["record"];
            let at = |field: &str| record[field].as_str().unwrap().replace("2026-06-0", "2026-06-1");
            let at = |field: &str| at(field).replace("2026-06-11", "2026-06-15").replace("2026-06-12", "2026-06-16");
            json!({ "id": record["id"], "version": 1, "patch": { "starts_at": at("starts_at").replace("2026-06-13", "2026-06-17").replace("2026-06-14", "2026-06-18"),
                    "ends_at": at("ends_at").replace("2026-06-13", "2026-06-17").replace("2026-06-14", "2026-06-18") } })
        })
        .collect();
    let moved = bulk(&ana, "update", true, json!(later)).await.expect(StatusCode::OK);
    let onto = json!([{ "id": moved["data"][0]["record"]["id"], "version": 2, "patch": { "starts_at": moved["data"][2]["record"]["starts_at"], "ends_at": moved["data"][2]["record"]["ends_at"] } }]);
    let refused = bulk(&ana, "update", true, onto).await.expect(StatusCode::CONFLICT);
    assert_eq!(refused["errors"][0]["code"], "booking-overlaps");
}

/// Batches in opposite orders, each with an invalid item, so that bisecting writes the halves separately.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_that_book_the_same_people_in_another_order_wait_in_no_circle() {
    let ana = nexo().await.person(RIGHTS).await;
    let mut people = Vec::new();
    for name in 0..10 {
        people.push(professional(&ana, &name.to_string()).await);
    }
    for round in 0..8 {
        let mut requests = tokio::task::JoinSet::new();
        for n in 0..4 {
            let minutes = (round * 4 + n) * 20;
            let at = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
            let mut items: Vec<_> =
                people.iter().map(|one| booking(one, 0, &at(minutes), &at(minutes + 20))).collect();
            if n % 2 == 0 {
                items.reverse();
            }
            let (ana, atomic) = (ana.clone(), n < 2);
            if !atomic {
                items.push(items[3].clone());
            }
            requests.spawn(async move { (atomic, bulk(&ana, "create", atomic, json!(items)).await) });
        }
        for (atomic, answer) in requests.join_all().await {
            let status = if atomic { StatusCode::OK } else { StatusCode::MULTI_STATUS };
            assert_eq!(answer.status, status, "{}", answer.body);
            let made = answer.body["data"].as_array().unwrap().iter().filter(|one| one["status"] == 201);
            assert_eq!(made.count(), people.len());
        }
    }
}

/// Database constraints apply to every writer.
#[tokio::test]
async fn the_database_keeps_bookings_apart_by_itself() {
    use sqlx::{Connection as _, Executor as _};
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let zoe = professional(&ana, "Zoë").await;
    let (account, user) = (ana.account, ana.user);
    let insert = format!(
        "insert into app.bookings (account_id, id, professional_id, title, starts_at, ends_at, created_by, updated_by)
         values ('{account}', gen_random_uuid(), {}, 't', '2026-06-01T09:00:00Z', '2026-06-01T10:00:00Z', '{user}', '{user}')",
        zoe["id"].to_string().replace('"', "'")
    );
    let enter = format!("set local app.current_account_id = '{account}'");
    let mut settings = nexo.ground.database.settings("nexo_app").into_iter();
    let url = settings.find(|(name, _)| name == "DATABASE_URL").unwrap().1;
    let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut run = async |level: &str| {
        conn.execute(sqlx::AssertSqlSafe(format!("begin isolation level {level}; {enter}"))).await.unwrap();
        let done = conn.execute(sqlx::AssertSqlSafe(insert.clone())).await;
        conn.execute(if done.is_ok() { "commit" } else { "rollback" }).await.unwrap();
        done.err().map(|error| error.as_database_error().unwrap().code().unwrap().into_owned())
    };
    assert_eq!(
        run("repeatable read").await.as_deref(),
        Some("0A000"),
        "which would not see what it waited for"
    );
    assert_eq!(run("serializable").await.as_deref(), Some("0A000"));
    assert_eq!(run("read committed").await, None);
    assert_eq!(run("read committed").await.as_deref(), Some("23P01"));
}
