//! Professionals and their availability.

use crm_service::professionals::Professional;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{TestResponse, TestUser};

use crate::{made, nexo};

const RIGHTS: &str = "professional:* booking:*";
const DAYS: [&str; 5] = ["monday", "tuesday", "wednesday", "thursday", "friday"];

fn sample(owner: &TestUser) -> Value {
    json!({
        "name": "Zoë García", "email": "zoe@acme.test", "phone": "+34 600 000 000", "specialties": ["Welding", "español"],
        "skills": [{ "name": "MIG", "level": 5 }, { "name": "TIG", "level": 1 }],
        "services": [{ "name": "Repair", "rate": "45.50", "currency": "EUR", "unit": "hour" }],
        "certifications": [{ "name": "ISO 9606", "issuer": "TÜV", "issued_on": "2024-02-29", "expires_on": "2027-02-28" }],
        "rating": 5, "portfolio_url": "https://zoe.test/work", "currency": "EUR", "time_zone": "Europe/Berlin",
        "weekly_hours": [{ "weekday": "monday", "from": "09:00", "to": "12:00" }, { "weekday": "sunday", "from": "12:00", "to": "24:00" }],
        "exceptions": [{ "first_day": "2026-12-24", "last_day": "2026-12-26", "hours": [], "reason": "Christmas" },
                       { "first_day": "2026-12-31", "last_day": null, "hours": [{ "from": "00:00", "to": "12:30" }], "reason": null }],
        "status": "active", "owner_id": owner.user, "bio": "Late.",
    })
}

/// Creates a professional who works from 9 to 5 in this time zone, with this skill.
async fn at_work(person: &TestUser, zone: &str, skill: Value) -> Value {
    let weekly: Vec<_> =
        DAYS.iter().map(|day| json!({ "weekday": day, "from": "09:00", "to": "17:00" })).collect();
    let body = json!({ "name": zone, "time_zone": zone, "weekly_hours": weekly, "skills": [skill] });
    made(person, "/professionals", body).await
}

fn path(professional: &Value) -> String {
    format!("/professionals/{}", professional["id"].as_str().unwrap())
}

async fn free(person: &TestUser, professional: &Value, from: &str, to: &str) -> Value {
    let path = format!("{}/free-slots?from={from}&to={to}", path(professional));
    person.get(&path).await.expect(StatusCode::OK)["data"].clone()
}

async fn names(person: &TestUser, query: &str) -> Vec<String> {
    let found = person.get(&format!("/professionals/available?{query}")).await.expect(StatusCode::OK);
    let data = found["data"].as_array().unwrap();
    data.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

async fn put(person: &TestUser, professional: &Value, seen: Option<&Value>, body: Value) -> TestResponse {
    let path = format!("{}/availability", path(professional));
    person.send(Method::PUT, &path, seen, Some(body)).await
}

#[tokio::test]
async fn professionals_are_kept() {
    let change =
        json!({ "rating": null, "skills": [], "exceptions": [], "status": "inactive", "time_zone": "UTC" });
    testkit::assert_resource_contract::<Professional>(&nexo().await, sample, change).await;
}

#[tokio::test]
async fn what_a_professional_cannot_be_is_named() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let hours = |from: &str, to: &str| json!({ "weekday": "monday", "from": from, "to": to });
    let days = |first: &str, last: &str| json!({ "first_day": first, "last_day": last });
    for (field, value, code, pointer) in [
        ("time_zone", json!("Europe/Atlantis"), "invalid", "/time_zone"),
        ("time_zone", json!("europe/berlin"), "invalid", "/time_zone"),
        ("rating", json!(6), "invalid", "/rating"),
        ("portfolio_url", json!("javascript:alert(1)"), "invalid", "/portfolio_url"),
        ("skills", json!([{ "name": "MIG", "level": 6 }]), "invalid", "/skills/0/level"),
        (
            "skills",
            json!([{ "name": "MIG", "level": 1 }, { "name": "mig", "level": 2 }]),
            "professional-skill-twice",
            "/skills",
        ),
        (
            "services",
            json!([{ "name": "a", "rate": "-1", "currency": "EUR" }]),
            "professional-rate-negative",
            "/services",
        ),
        (
            "services",
            json!([{ "name": "a", "rate": "1", "currency": "euro" }]),
            "invalid",
            "/services/0/currency",
        ),
        (
            "certifications",
            json!([{ "name": "a", "issued_on": "2026-01-02", "expires_on": "2026-01-01" }]),
            "professional-certification-backwards",
            "/certifications",
        ),
        ("weekly_hours", json!([hours("9:00", "12:00")]), "invalid", "/weekly_hours/0/from"),
        ("weekly_hours", json!([hours("09:00", "24:30")]), "invalid", "/weekly_hours/0/to"),
        ("weekly_hours", json!([hours("12:00", "12:00")]), "professional-hours-backwards", "/weekly_hours"),
        (
            "weekly_hours",
            json!([hours("11:59", "14:00"), hours("09:00", "12:00")]),
            "professional-hours-overlap",
            "/weekly_hours",
        ),
        (
            "exceptions",
            json!([days("2026-01-02", "2026-01-01")]),
            "professional-exception-backwards",
            "/exceptions",
        ),
        (
            "exceptions",
            json!([days("2026-01-01", "2026-01-05"), days("2026-01-05", "2026-01-06")]),
            "professional-exceptions-overlap",
            "/exceptions",
        ),
        ("owner_id", json!(uuid::Uuid::now_v7()), "professional-owner-not-a-member", "/owner_id"),
    ] {
        let mut body = sample(&ana);
        body[field] = value;
        let problem = ana.post("/professionals", body).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["pointer"]),
            (&json!(code), &json!(pointer)),
            "{problem}"
        );
    }
    let mut touching = sample(&ana);
    touching["weekly_hours"] = json!([hours("12:00", "24:00"), hours("09:00", "12:00")]);
    touching["exceptions"] = json!([days("2026-01-02", "2026-01-02"), days("2026-01-01", "2026-01-01")]);
    made(&ana, "/professionals", touching).await;
}

#[tokio::test]
async fn availability_is_written_only_with_its_current_version() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let zoe = made(&ana, "/professionals", json!({ "name": "Zoë", "time_zone": "UTC" })).await;
    let at = format!("{}/availability", path(&zoe));
    let empty = ana.get(&at).await;
    assert_eq!(empty.header("etag"), Some("\"1\""));
    assert_eq!(empty.expect(StatusCode::OK), json!({ "weekly_hours": [], "exceptions": [] }));

    let wanted = json!({
        "weekly_hours": [{ "weekday": "monday", "from": "09:00", "to": "12:00" }],
        "exceptions": [{ "first_day": "2026-12-24", "last_day": null, "hours": [], "reason": null }],
    });
    assert_eq!(put(&ana, &zoe, None, wanted.clone()).await.status, StatusCode::PRECONDITION_REQUIRED);
    let said = put(&ana, &zoe, Some(&json!(1)), wanted.clone()).await;
    assert_eq!(said.header("etag"), Some("\"2\""));
    assert_eq!(said.expect(StatusCode::OK), wanted);
    assert_eq!(ana.get(&at).await.expect(StatusCode::OK), wanted);
    let stale = put(&ana, &zoe, Some(&json!(1)), json!({ "weekly_hours": [] })).await;
    assert_eq!(
        stale.expect(StatusCode::PRECONDITION_FAILED)["current"]["weekly_hours"],
        wanted["weekly_hours"]
    );
    let twice = json!({ "weekly_hours": [wanted["weekly_hours"][0], wanted["weekly_hours"][0]] });
    let refused = put(&ana, &zoe, Some(&json!(2)), twice).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["code"], "professional-hours-overlap");
    let history = ana.get(&format!("{}/history", path(&zoe))).await.expect(StatusCode::OK);
    assert_eq!(history["data"][0]["before"], json!({ "weekly_hours": [], "exceptions": [] }));

    let reader = nexo.member(ana.account, "professional:read").await;
    assert_eq!(put(&reader, &zoe, Some(&json!(2)), wanted).await.status, StatusCode::FORBIDDEN);
    assert_eq!(reader.get(&at).await.status, StatusCode::OK);
    let eve = nexo.member_without(ana.account, "professional:*", &["professional.exceptions"]).await;
    let blind = format!("{}/free-slots?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", path(&zoe));
    for hidden in
        [at.as_str(), &blind, "/professionals/available?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z"]
    {
        assert_eq!(eve.get(hidden).await.status, StatusCode::FORBIDDEN, "{hidden}");
    }
}

#[tokio::test]
async fn free_time_is_by_the_professionals_own_clock() {
    let ana = nexo().await.person(RIGHTS).await;
    let night = |zone: &str| json!({ "name": zone, "time_zone": zone, "weekly_hours": [{ "weekday": "sunday", "from": "00:30", "to": "04:00" }] });
    for (zone, spring, autumn) in [
        (
            "America/New_York", // 8 March at 07:00 UTC, 1 November at 06:00 UTC
            ("2026-03-08T05:30:00Z", "2026-03-08T08:00:00Z"),
            ("2026-11-01T04:30:00Z", "2026-11-01T09:00:00Z"),
        ),
        (
            "Europe/Berlin", // 29 March and 25 October, at 01:00 UTC
            ("2026-03-28T23:30:00Z", "2026-03-29T02:00:00Z"),
            ("2026-10-24T22:30:00Z", "2026-10-25T03:00:00Z"),
        ),
    ] {
        let one = made(&ana, "/professionals", night(zone)).await;
        for (from, to) in [spring, autumn] {
            let (first, last) = (from.split_at(10).0, to.split_at(10).0);
            let spans = free(&ana, &one, &format!("{first}T00:00:00Z"), &format!("{last}T23:00:00Z")).await;
            assert_eq!(spans, json!([{ "from": from, "to": to }]), "{zone}");
            let available = format!("from={from}&to={to}");
            assert_eq!(names(&ana, &available).await, [zone], "all of it");
            let longer = format!("from={from}&to={}", to.replace(":00Z", ":01Z"));
            assert_eq!(names(&ana, &longer).await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn what_is_booked_or_off_is_not_free() {
    let ana = nexo().await.person(RIGHTS).await;
    let zoe = at_work(&ana, "UTC", json!({ "name": "MIG", "level": 3 })).await;
    let off = json!([{ "first_day": "2026-06-02", "hours": [] }, { "first_day": "2026-06-03", "hours": [{ "from": "20:00", "to": "24:00" }] }]);
    let zoe = ana.patch(&path(&zoe), &zoe, json!({ "exceptions": off })).await.expect(StatusCode::OK);
    let book = |from: &str, to: &str, status: &str| json!({ "professional_id": zoe["id"], "title": "t", "starts_at": from, "ends_at": to, "status": status });
    made(&ana, "/bookings", book("2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z", "booked")).await;
    made(&ana, "/bookings", book("2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z", "cancelled")).await;
    let gone = made(&ana, "/bookings", book("2026-06-01T15:00:00Z", "2026-06-01T16:00:00Z", "booked")).await;
    ana.delete(&format!("/bookings/{}", gone["id"].as_str().unwrap()), &gone).await;
    assert_eq!(
        free(&ana, &zoe, "2026-06-01T09:30:00Z", "2026-06-04T10:00:00Z").await,
        json!([
            { "from": "2026-06-01T09:30:00Z", "to": "2026-06-01T10:00:00Z" },
            { "from": "2026-06-01T11:00:00Z", "to": "2026-06-01T17:00:00Z" },
            { "from": "2026-06-03T20:00:00Z", "to": "2026-06-04T00:00:00Z" },
            { "from": "2026-06-04T09:00:00Z", "to": "2026-06-04T10:00:00Z" },
        ])
    );
    for (time, there) in [
        ("from=2026-06-01T09:00:00Z&to=2026-06-01T10:00:00Z", true),
        ("from=2026-06-01T09:30:00Z&to=2026-06-01T10:00:01Z", false),
        ("from=2026-06-01T11:00:00Z&to=2026-06-01T17:00:00Z", true),
        ("from=2026-06-02T09:00:00Z&to=2026-06-02T10:00:00Z", false),
        ("from=2026-06-03T20:00:00%2B00:00&to=2026-06-04T00:00:00Z", true),
    ] {
        assert_eq!(!names(&ana, time).await.is_empty(), there, "{time}");
    }
    let zoe = ana.patch(&path(&zoe), &zoe, json!({ "status": "inactive" })).await.expect(StatusCode::OK);
    assert_eq!(free(&ana, &zoe, "2026-06-01T09:30:00Z", "2026-06-04T10:00:00Z").await, json!([]));
}

#[tokio::test]
async fn available_professionals_are_found_by_skill() {
    let nexo = nexo().await;
    let (ana, eve) = (nexo.person(RIGHTS).await, nexo.person(RIGHTS).await);
    let noon = "from=2026-06-01T12:00:00Z&to=2026-06-01T13:00:00Z";
    for (zone, skill, level) in [
        ("UTC", "Schweißen", 5),
        ("Europe/Berlin", "Schweißen", 2),
        ("Europe/London", "Malen", 5),
        ("Asia/Tokyo", "Schweißen", 5), // where it is night by then
    ] {
        at_work(&ana, zone, json!({ "name": skill, "level": level })).await;
    }
    let expert = json!({ "name": "Ida", "time_zone": "UTC", "specialties": ["Brücken"],
        "weekly_hours": [{ "weekday": "monday", "from": "00:00", "to": "24:00" }] });
    made(&ana, "/professionals", expert).await;
    assert_eq!(names(&ana, noon).await, ["UTC", "Europe/Berlin", "Europe/London", "Ida"]);
    assert_eq!(names(&ana, &format!("{noon}&skill=schweissen")).await, ["UTC", "Europe/Berlin"]);
    assert_eq!(names(&ana, &format!("{noon}&skill=schweissen&min_level=3")).await, ["UTC"]);
    assert_eq!(names(&ana, &format!("{noon}&specialty=BRUCKEN")).await, ["Ida"]);
    assert_eq!(names(&eve, noon).await, Vec::<String>::new(), "another account's are nobody's");
    let ben = nexo.member(ana.account, "professional:read@own professional:write@own").await;
    assert_eq!(names(&ben, noon).await, Vec::<String>::new());
    at_work(&ben, "Europe/Madrid", json!({ "name": "a", "level": 1 })).await;
    assert_eq!(names(&ben, noon).await, ["Europe/Madrid"]);

    let mut pages = Vec::new();
    let mut query = format!("{noon}&limit=2");
    loop {
        let page = ana.get(&format!("/professionals/available?{query}")).await.expect(StatusCode::OK);
        pages.extend(page["data"].as_array().unwrap().iter().map(|one| one["name"].clone()));
        let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
        query = format!("{noon}&limit=2&cursor={cursor}");
    }
    assert_eq!(json!(pages), json!(["UTC", "Europe/Berlin", "Europe/London", "Ida", "Europe/Madrid"]));
    let masked = nexo.member_without(ana.account, "professional:read", &["professional.skills"]).await;
    let seen = masked.get(&format!("/professionals/available?{noon}")).await.expect(StatusCode::OK);
    assert!(!seen.to_string().contains("Malen"), "{seen}");
    let asked = masked.get(&format!("/professionals/available?{noon}&skill=Malen")).await;
    assert_eq!(asked.expect(StatusCode::UNPROCESSABLE_ENTITY)["errors"][0]["pointer"], "/skill");
    let blind = nexo.member_without(ana.account, "professional:read", &["professional.status"]).await;
    let one = &ana.get("/professionals?limit=1").await.expect(StatusCode::OK)["data"][0];
    let free = format!("/professionals/{}/free-slots?{noon}", one["id"].as_str().unwrap());
    for path in [format!("/professionals/available?{noon}"), free] {
        assert_eq!(
            blind.get(&path).await.status,
            StatusCode::FORBIDDEN,
            "only who is active has time: {path}"
        );
    }
}

#[tokio::test]
async fn a_page_of_available_professionals_ends_after_a_thousand_candidates() {
    let nexo = nexo().await;
    let ana = nexo.person(RIGHTS).await;
    let (account, user) = (ana.account, ana.user);
    nexo.ground
        .database
        .run(&format!(
            "insert into app.professionals (account_id, id, name, time_zone, created_by, updated_by)
             select '{account}', md5(n::text)::uuid, 'busy', 'UTC', '{user}', '{user}' from generate_series(1, 1500) n;
             insert into app.professionals (account_id, id, name, time_zone, weekly_hours, created_by, updated_by)
             values ('{account}', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'free', 'UTC',
                     '[{{\"weekday\": \"monday\", \"from\": \"00:00\", \"to\": \"24:00\"}}]', '{user}', '{user}')"
        ))
        .await;
    let noon = "/professionals/available?from=2026-06-01T12:00:00Z&to=2026-06-01T13:00:00Z";
    let first = ana.get(noon).await.expect(StatusCode::OK);
    assert_eq!((&first["data"], &first["page"]["has_more"]), (&json!([]), &json!(true)));
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let second = ana.get(&format!("{noon}&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!((&second["data"][0]["name"], &second["page"]["has_more"]), (&json!("free"), &json!(false)));
    let other = noon.replace("13:00", "14:00");
    let foreign = ana.get(&format!("{other}&cursor={cursor}")).await;
    assert_eq!(foreign.status, StatusCode::UNPROCESSABLE_ENTITY, "a cursor belongs to what was asked");
}

#[tokio::test]
async fn a_time_that_cannot_be_asked_about_is_named() {
    let ana = nexo().await.person(RIGHTS).await;
    let zoe = at_work(&ana, "UTC", json!({ "name": "MIG", "level": 3 })).await;
    let one = format!("{}/free-slots", path(&zoe));
    for at in [one.as_str(), "/professionals/available"] {
        for (query, pointer) in [
            ("from=2026-06-01T00:00:00Z", "/to"),
            ("from=yesterday&to=2026-06-01T00:00:00Z", "/from"),
            ("from=2026-06-01&to=2026-06-02", "/from"),
            ("from=2026-06-01T00:00:00Z&to=2026-06-01T00:00:00Z", "/to"),
            ("from=2026-06-01T00:00:00Z&to=2026-07-02T00:00:01Z", "/to"),
            ("from=9999-12-31T23:59:59-23:59&to=2026-06-01T00:00:00Z", "/from"),
        ] {
            let problem = ana.get(&format!("{at}?{query}")).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{at} {query}");
        }
        let most = "from=2026-06-01T00:00:00Z&to=2026-07-02T00:00:00Z";
        assert_eq!(ana.get(&format!("{at}?{most}")).await.status, StatusCode::OK);
    }
    let noon = "from=2026-06-01T12:00:00Z&to=2026-06-01T13:00:00Z";
    for (more, pointer) in
        [("min_level=3", "/min_level"), ("skill=MIG&min_level=6", "/min_level"), ("limit=0", "/limit")]
    {
        let problem = ana.get(&format!("/professionals/available?{noon}&{more}")).await;
        assert_eq!(problem.expect(StatusCode::UNPROCESSABLE_ENTITY)["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn another_accounts_professional_is_not_there() {
    let nexo = nexo().await;
    let (ana, eve) = (nexo.person(RIGHTS).await, nexo.person(&format!("{RIGHTS} note:* tag:*")).await);
    let zoe = at_work(&ana, "UTC", json!({ "name": "MIG", "level": 3 })).await;
    let one = path(&zoe);
    for sub in [
        "",
        "/availability",
        "/free-slots?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z",
        "/timeline",
        "/tags",
        "/history",
    ] {
        assert_eq!(eve.get(&format!("{one}{sub}")).await.status, StatusCode::NOT_FOUND, "{sub}");
    }
    let stolen = put(&eve, &zoe, Some(&json!(1)), json!({ "weekly_hours": [] })).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
    let note = json!({ "subject_type": "professional", "subject_id": zoe["id"], "body": "a" });
    let refused = eve.post("/notes", note.clone()).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["code"], "subject-not-found");
    let ben = nexo.member(ana.account, &format!("{RIGHTS} note:*")).await;
    made(&ben, "/notes", note).await;
    let timeline = ben.get(&format!("{one}/timeline")).await.expect(StatusCode::OK);
    assert_eq!(
        (&timeline["data"][0]["kind"], &timeline["data"][1]["kind"]),
        (&json!("note"), &json!("change"))
    );
    let found = ben.get("/professionals?q=mig").await.expect(StatusCode::OK);
    assert_eq!(found["data"][0]["id"], zoe["id"]);
}
