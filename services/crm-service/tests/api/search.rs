//! Search by `q=`: parts of words, accent-insensitive, typo-tolerant, limited to the own account.

use std::collections::BTreeSet;

use crm_service::{bookings, clients, contacts, employees, professionals, projects, suppliers, tasks};
use http::StatusCode;
use resource::Resource;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use testkit::TestUser;

use crate::{ALL, nexo};

async fn found(person: &TestUser, q: &str) -> Vec<String> {
    let page = person
        .post("/clients/search", json!({ "q": q, "sort": "name", "count": "exact" }))
        .await
        .expect(StatusCode::OK);
    let names: Vec<String> =
        page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(page["page"]["total"], json!(names.len()));
    names
}

async fn filled(person: &TestUser) {
    for client in [
        json!({ "name": "Café Aurora", "email": "info@aurora.test", "phone": "+47 22 33 44 55" }),
        json!({ "name": "Nordwerk GmbH", "notes": "Visited the Hamburg office" }),
        json!({ "name": "Łódź Müller & Søn", "company": "Müller Holding", "tax_id": "PL-778899" }),
        json!({ "name": "100% Cotton_Co" }),
    ] {
        person.post("/clients", client).await.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn what_is_looked_for_is_found_by_parts_without_accents_and_with_typing_errors() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    filled(&ana).await;
    for (q, name) in [
        ("aurora", "Café Aurora"),
        ("CAFE", "Café Aurora"),
        ("café auro", "Café Aurora"),
        ("aurroa", "Café Aurora"),
        ("info@aurora.test", "Café Aurora"),
        ("22334455", "Café Aurora"),
        ("hamburg", "Nordwerk GmbH"),
        ("nordwrek", "Nordwerk GmbH"),
        ("lodz muller", "Łódź Müller & Søn"),
        ("son holding", "Łódź Müller & Søn"),
        ("778899", "Łódź Müller & Søn"),
        ("cotton_co", "100% Cotton_Co"),
    ] {
        assert_eq!(found(&ana, q).await, [name], "{q}");
    }
    assert_eq!(found(&ana, "zebra").await, Vec::<String>::new());
    assert_eq!(found(&ana, "aurora hamburg").await, Vec::<String>::new(), "every word counts");
    for q in ["' or 1=1 --", "%a%", "\\a", "a\"; drop table x"] {
        found(&ana, q).await;
    }
    for q in ["", "%", "  ", "x\u{0}"] {
        let answer = ana.post("/clients/search", json!({ "q": q })).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{q:?}");
    }
}

/// Row security does not apply inside the function, which therefore filters by account itself.
#[tokio::test]
async fn a_search_finds_ones_own_and_within_ones_reach_alone() {
    let nexo = nexo().await;
    let (ana, ben) = (nexo.person(ALL).await, nexo.person(ALL).await);
    filled(&ana).await;
    assert_eq!(found(&ben, "aurora").await, Vec::<String>::new());
    let eve = nexo.member(ana.account, "client:read@own client:write@own").await;
    assert_eq!(found(&eve, "aurora").await, Vec::<String>::new());
    eve.post("/clients", json!({ "name": "Aurora of Eve" })).await.expect(StatusCode::CREATED);
    assert_eq!(found(&eve, "aurora").await, ["Aurora of Eve"]);
    assert_eq!(found(&ana, "aurora").await, ["Aurora of Eve", "Café Aurora"]);

    let first = ana.get("/clients?q=aurora&limit=1&sort=name").await.expect(StatusCode::OK);
    let cursor = first["page"]["next_cursor"].as_str().unwrap();
    let next =
        ana.get(&format!("/clients?q=aurora&limit=1&sort=name&cursor={cursor}")).await.expect(StatusCode::OK);
    assert_eq!(next["data"][0]["name"], "Café Aurora");
    let other = ana.get(&format!("/clients?q=hamburg&limit=1&sort=name&cursor={cursor}")).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "a cursor belongs to its search");

    let gone = ana.get("/clients?q=aurora&sort=name").await.body["data"][0].clone();
    let path = format!("/clients/{}", gone["id"].as_str().unwrap());
    assert_eq!(ana.delete(&path, &gone).await.status, StatusCode::NO_CONTENT);
    assert_eq!(found(&ana, "aurora").await, ["Café Aurora"], "what is in the trash is not found");
}

#[tokio::test]
async fn what_is_hidden_is_not_looked_through_and_the_rest_is() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    filled(&ana).await;
    let all = ["name", "company", "email", "tax_id", "phone", "notes"].map(|field| format!("client.{field}"));
    let without = |hidden: &[&str]| {
        let hidden: Vec<String> = hidden.iter().map(|field| format!("client.{field}")).collect();
        let (nexo, account) = (nexo.clone(), ana.account);
        async move {
            let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
            nexo.member_without(account, "client:read", &hidden).await
        }
    };
    let (no_email, no_notes) = (without(&["email"]).await, without(&["notes", "company"]).await);
    for (person, q, names) in [
        (&no_email, "aurora", &["Café Aurora"][..]),
        (&no_email, "aurroa", &["Café Aurora"]),
        (&no_email, "info@aurora.test", &[]),
        (&no_email, "hamburg", &["Nordwerk GmbH"]),
        (&no_notes, "hamburg", &[]),
        (&no_notes, "hambrug", &[]),
        (&no_notes, "holding", &[]),
        (&no_notes, "muller", &["Łódź Müller & Søn"]),
        (&no_notes, "info@aurora.test", &["Café Aurora"]),
    ] {
        assert_eq!(found(person, q).await, names, "{q}");
    }
    let hidden: Vec<&str> = all.iter().map(String::as_str).collect();
    let blind = nexo.member_without(ana.account, "client:read", &hidden).await;
    let answer = blind.get("/clients?q=aurora").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["errors"][0]["pointer"], "/q");
}

/// Otherwise a match in a hidden field would suppress the search for similar words.
#[tokio::test]
async fn a_hidden_field_does_not_change_what_is_found_elsewhere() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    for client in [json!({ "name": "Aurora" }), json!({ "name": "Else", "email": "aurroa@acme.test" })] {
        ana.post("/clients", client).await.expect(StatusCode::CREATED);
    }
    let blind = nexo.member_without(ana.account, "client:read", &["client.email"]).await;
    assert_eq!(found(&ana, "aurroa").await, ["Else"]);
    assert_eq!(found(&blind, "aurroa").await, ["Aurora"]);
}

/// Long texts in which nearly every word is similar to the misspelt one, and has to be compared with it.
#[tokio::test]
async fn a_misspelt_word_over_long_texts_is_answered_at_once_and_in_part() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    let long = format!(
        "insert into app.clients (account_id, id, name, notes, created_by, updated_by, created_at)
         select '{0}', gen_random_uuid(), 'Client ' || n, t.text, '{1}', '{1}', now() - interval '1 hour' - n * interval '1 minute'
         from generate_series(1, 2000) n
         cross join (select left(string_agg(md5(i::text), ' '), 9900) as text from generate_series(1, 310) i) t",
        ana.account, ana.user
    );
    nexo.ground.database.run(&long).await;
    ana.post("/clients", json!({ "name": "Café Aurora" })).await.expect(StatusCode::CREATED);
    let begun = std::time::Instant::now();
    let page = ana.get("/clients?q=abcdefghzz&limit=5").await.expect(StatusCode::OK);
    let took = begun.elapsed();
    assert_eq!(page["page"]["partial"], true, "{took:?} {}", page["page"]);
    assert!(took.as_secs() < 3, "{took:?}: on a machine with nothing else to do it is less than one");
    let page = ana.get("/clients?q=aurroa").await.expect(StatusCode::OK);
    assert_eq!(page["data"][0]["name"], "Café Aurora", "the newest are looked through first");
    let page = ana.get("/clients?q=auror").await.expect(StatusCode::OK);
    assert_eq!((&page["data"][0]["name"], &page["page"]["partial"]), (&json!("Café Aurora"), &json!(null)));
}

#[tokio::test]
async fn a_service_with_sql_of_its_own_searches_no_other_account() {
    let nexo = nexo().await;
    let ana = nexo.person(ALL).await;
    filled(&ana).await;
    let mut app = PgConnection::connect_with(&nexo.ground.database.role("nexo_app")).await.unwrap();
    let rows: Vec<(uuid::Uuid,)> =
        sqlx::query_as("select id from app.search_clients('aurora')").fetch_all(&mut app).await.unwrap();
    assert_eq!(rows, [], "outside of every account there is nothing");
}

fn searched<R: Resource>() -> (&'static str, BTreeSet<String>) {
    (R::TABLE, R::SEARCH_FIELDS.iter().map(ToString::to_string).collect())
}

/// If database and resource disagree on a searched field, it leaks to some callers or is not found by others.
#[tokio::test]
async fn what_the_database_looks_through_is_what_the_resource_says() {
    let nexo = nexo().await;
    let mut look = nexo.ground.database.look().await;
    let all = [
        searched::<clients::Client>(),
        searched::<contacts::Contact>(),
        searched::<suppliers::Supplier>(),
        searched::<employees::Employee>(),
        searched::<projects::Project>(),
        searched::<tasks::Task>(),
        searched::<professionals::Professional>(),
        searched::<bookings::Booking>(),
    ];
    for (plural, fields) in &all {
        for function in ["search", "look_through"] {
            let question =
                "select prosrc from pg_proc where proname = $1 and pronamespace = 'app'::regnamespace";
            let asked = sqlx::query_as(question).bind(format!("{function}_{plural}"));
            let (text,): (String,) = asked.fetch_one(&mut look).await.unwrap();
            let known =
                text.split("case when '").skip(1).map(|rest| rest.split('\'').next().unwrap().to_owned());
            assert_eq!(&known.collect::<BTreeSet<_>>(), fields, "{function}_{plural}");
        }
    }
    let there: (i64,) = sqlx::query_as(
        "select count(*) from pg_proc where proname like 'search\\_%' and pronamespace = 'app'::regnamespace",
    )
    .fetch_one(&mut look)
    .await
    .unwrap();
    assert_eq!(usize::try_from(there.0).unwrap(), all.len(), "each is in the list above");
}
