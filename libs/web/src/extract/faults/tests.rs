use kernel::WebUrl;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::parse_json;

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only their reading matters")]
struct Client {
    #[validate(length(min = 1))]
    name: String,
    code: String,
    #[validate(range(min = 1, max = 5))]
    rating: Option<i32>,
    status: Status,
    owner: uuid::Uuid,
    #[serde(default)]
    numbers: Vec<u8>,
    #[serde(default)]
    #[validate(nested)]
    steps: Vec<Step>,
    #[serde(default)]
    #[validate(nested)]
    links: Vec<Link>,
    website: Option<WebUrl>,
}

#[derive(Debug, Deserialize, Validate)]
#[expect(dead_code, reason = "only their reading matters")]
struct Link {
    to: WebUrl,
    #[validate(length(min = 1))]
    title: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Lead,
    Active,
}

#[derive(Debug, Deserialize, Validate)]
struct Step {
    #[validate(length(min = 1))]
    text: String,
}

fn faults(body: Value) -> Vec<String> {
    let Err(Error::Invalid(faults)) = parse_json::<Client>(body) else { panic!("it has faults") };
    faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
}

#[test]
fn faults_of_types_and_of_rules_are_reported_together() {
    let body =
        json!({ "name": "", "code": 7, "rating": 9, "status": "gone", "owner": "me", "colour": "red" });
    assert_eq!(
        faults(body),
        [
            "/code type",
            "/colour unknown-field",
            "/name length",
            "/owner type",
            "/rating range",
            "/status enum"
        ]
    );
}

#[test]
fn all_missing_fields_are_reported() {
    assert_eq!(
        faults(json!({ "rating": 9 })),
        ["/code required", "/name required", "/owner required", "/rating range", "/status required"]
    );
}

#[test]
fn items_are_reported_by_their_positions_as_sent() {
    let good = json!({ "name": "a", "code": "a", "status": "lead", "owner": uuid::Uuid::nil() });
    let mut body = good.clone();
    body["numbers"] = json!([1, "two", 3, 400, "five"]);
    body["steps"] = json!([{ "text": 1 }, { "text": "" }, { "text": "b" }, {}]);
    assert_eq!(
        faults(body),
        [
            "/numbers/1 type",
            "/numbers/3 type",
            "/numbers/4 type",
            "/steps/0/text type",
            "/steps/1/text length",
            "/steps/3/text required"
        ]
    );
    assert!(parse_json::<Client>(good).is_ok());
}

#[test]
fn all_rules_that_a_text_breaks_are_reported_with_those_of_other_fields() {
    let mut body = json!({ "name": "", "code": "a", "status": "lead", "owner": uuid::Uuid::nil() });
    body["website"] = json!("nowhere");
    body["links"] = json!([{ "to": "ftp://a.test", "title": "" }, { "to": 1, "title": 2 }, {}]);
    assert_eq!(
        faults(body.clone()),
        [
            "/links/0/title length",
            "/links/0/to web-address",
            "/links/1/title type",
            "/links/1/to type",
            "/links/2/title required",
            "/links/2/to required",
            "/name length",
            "/website url",
            "/website web-address"
        ]
    );
    body["links"] = json!(vec![json!({ "to": "a", "title": "" }); 20]);
    assert_eq!(faults(body).len(), 20 * 3 + 3);
}

#[test]
fn what_is_no_object_is_one_fault() {
    assert_eq!(faults(json!([])), [" type"]);
}

#[test]
fn a_large_body_is_not_read_again_for_each_unknown_name() {
    let unknown = |count: usize| {
        let mut body = json!({ "name": "a", "code": "a", "status": "lead", "owner": uuid::Uuid::nil() });
        body["numbers"] = json!(vec![1; count]);
        for name in 0..30 {
            body[format!("unknown{name}")] = json!(1);
        }
        faults(body).len()
    };
    assert_eq!([unknown(1), unknown(MAX_VALUES_OF_OTHERS)], [MAX_OTHER_FAULTS, 1]);
}
