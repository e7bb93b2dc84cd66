use crm_service::{
    bookings::Booking, contacts::Contact, employees::Employee, projects::Project,
    suppliers::SupplierRelation, tasks::Task,
};
use http::StatusCode;
use resource::{Related, Resource};

use crate::nexo;

/// Number of documented operations, so that none is left out of a test.
const OPERATIONS: usize = 228;

#[tokio::test]
async fn the_api_is_described_and_closed() {
    let nexo = nexo().await;
    let (_, document) = crm_service::api().split_for_parts();
    testkit::assert_openapi_valid(&document);
    assert_eq!(testkit::assert_requires_auth(&nexo, &document).await, OPERATIONS);
    let served = nexo
        .person("")
        .await
        .send_raw(http::Method::GET, "/openapi.json", &[], "")
        .await
        .expect(StatusCode::OK);
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn every_operation_says_which_bodies_and_methods_it_takes() {
    let nexo = nexo().await;
    let (_, document) = crm_service::api().split_for_parts();
    assert_eq!(testkit::assert_bodies_checked(&nexo, &document).await, OPERATIONS);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let ana = nexo().await.person("").await;
    let problem = ana.get("/nothing").await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.expect(StatusCode::NOT_FOUND)["code"], "not-found");
    let problem = ana.send(http::Method::PUT, "/clients", None, None).await;
    assert_eq!(problem.expect(StatusCode::METHOD_NOT_ALLOWED)["code"], "method-not-allowed");
}

#[tokio::test]
async fn what_each_standard_role_may_do_is_kept_as_a_table() {
    let nexo = nexo().await;
    let (_, document) = crm_service::api().split_for_parts();
    insta::assert_snapshot!(testkit::role_matrix(&nexo, &document).await);
}

#[tokio::test]
async fn every_write_has_an_idempotency_key_or_a_version() {
    let (_, document) = crm_service::api().split_for_parts();
    testkit::assert_writes_conditional(
        &document,
        &[
            ("POST */search", "it reads"),
            ("POST */bulk/preview", "it reads"),
            ("PUT */notifications/preferences", "one's own, and always all of them"),
            ("POST */notifications/{id}/read", "done again, it changes nothing"),
            ("POST */notifications/{id}/unread", "done again, it changes nothing"),
            ("POST */notifications/read-all", "done again, it changes nothing"),
        ],
    );
}

/// A violation of a unique index reveals another record with the same reference.
#[tokio::test]
async fn what_is_unique_beside_a_reference_is_judged_together_with_it() {
    fn of<R: Resource>() -> (&'static str, &'static [Related], Vec<&'static str>) {
        (R::TABLE, R::RELATIONS, R::FIELDS.iter().map(resource::Field::name).collect())
    }
    let nexo = nexo().await;
    let mut look = nexo.ground.database.look().await;
    let mut judged = 0;
    for (table, references, fields) in [
        of::<Booking>(),
        of::<Contact>(),
        of::<Employee>(),
        of::<Project>(),
        of::<SupplierRelation>(),
        of::<Task>(),
    ] {
        let indexes: Vec<(String,)> = sqlx::query_as(
            "select pg_get_indexdef(indexrelid) from pg_index where indisunique and indrelid = ('app.' || $1)::regclass",
        )
        .bind(table)
        .fetch_all(&mut look)
        .await
        .unwrap();
        for (index,) in indexes {
            let words: Vec<&str> = index.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
            for reference in references.iter().filter(|one| words.contains(&one.column())) {
                for field in
                    fields.iter().filter(|field| words.contains(field) && **field != reference.column())
                {
                    assert!(
                        reference.judged().contains(field),
                        "{table}: {field} beside {}",
                        reference.column()
                    );
                    judged += 1;
                }
            }
        }
    }
    assert_eq!(judged, 6, "primary contacts, and what suppliers are to one another");
}
