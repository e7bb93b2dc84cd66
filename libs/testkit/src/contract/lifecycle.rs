//! Life cycle of a record from creation to restore, with its history.

use http::{Method, StatusCode};
use resource::Resource;
use serde_json::{Value, json};

use super::Contract;
use crate::TestUser;

/// Metadata columns of every record.
const KEPT: &[&str] = &["id", "version", "created_at", "created_by", "updated_at", "updated_by"];

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    pub(super) async fn crud_lifecycle<R: Resource>(&self) {
        let (owner, sample) = self.somebody().await;
        let (many, change) = (self.many, &self.change);
        for field in R::FIELDS {
            assert!(!sample[field.name()].is_null(), "{many}: the sample has no {}", field.name());
        }
        let made = self.made(&owner, &sample).await;
        for (field, value) in sample.as_object().unwrap() {
            assert_eq!(&made[field], value, "{many}: {field} was not kept");
        }
        for field in made.as_object().unwrap().keys().filter(|field| !KEPT.contains(&field.as_str())) {
            assert!(R::FIELDS.iter().any(|known| known.name() == field), "{many}: {field} is not in FIELDS");
        }
        let path = self.path(&made);
        let alone = format!("/{many}?filter=id%5Beq%5D:{}", made["id"].to_string().replace('"', "%22"));

        for method in [Method::PATCH, Method::DELETE] {
            let unconditional = owner.send(method, &path, None, Some(json!({}))).await;
            assert_eq!(unconditional.status, StatusCode::PRECONDITION_REQUIRED);
        }
        let changed = owner.patch(&path, &made, change.clone()).await.expect(StatusCode::OK);
        for (field, value) in change.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{many}: {field} was not changed");
        }
        let stale = owner.patch(&path, &made, change.clone()).await.expect(StatusCode::PRECONDITION_FAILED);
        assert_eq!(stale["current"], changed, "{many}: a stale write is told what is there now");
        let stale = owner.delete(&path, &made).await.expect(StatusCode::PRECONDITION_FAILED);
        assert_eq!(stale["current"], changed, "{many}: so is a stale removal");
        assert_eq!(owner.get(&path).await.expect(StatusCode::OK), changed);
        assert_eq!(owner.get(&alone).await.expect(StatusCode::OK)["data"], json!([changed]));

        let mut unknown = sample.clone();
        unknown["no such field"] = json!(1);
        let refused = owner.post(&format!("/{many}"), unknown).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused["errors"][0]["pointer"], "/no such field");

        self.is_read_strictly(&owner, &sample).await;

        assert_eq!(owner.delete(&path, &changed).await.status, StatusCode::NO_CONTENT);
        assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(owner.get(&alone).await.expect(StatusCode::OK)["data"], json!([]));
        let restore = async |key: &str| owner.post_once(&format!("{path}/restore"), key, json!(null)).await;
        let back = restore("back").await.expect(StatusCode::OK);
        assert_eq!(owner.get(&path).await.expect(StatusCode::OK), back);
        let again = restore("back").await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.expect(StatusCode::OK), back);
        let once_more = restore("once more").await.expect(StatusCode::CONFLICT);
        assert_eq!(once_more["code"], "not-in-trash", "{many}: it is back already");
        assert_eq!(self.steps(&owner, &path).await, ["restored", "removed", "changed", "created"]);
    }

    /// Asserts that an array is rejected as a record, and a repeated member of an object too.
    async fn is_read_strictly(&self, owner: &TestUser, sample: &Value) {
        let path = format!("/{}", self.many);
        let values: Value = sample.as_object().unwrap().values().cloned().collect();
        let refused = owner.post(&path, values).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", refused.body);
        let (name, value) = sample.as_object().unwrap().iter().next().unwrap();
        let whole = sample.to_string();
        let twice = format!("{},\"{name}\":{value}}}", whole.strip_suffix('}').unwrap());
        let headers = [("content-type", "application/json")];
        let refused = owner.send_raw(Method::POST, &format!("/api/v1{path}"), &headers, twice).await;
        let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["code"], "duplicate", "{path}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"), "{path}: {problem}");
    }

    /// Actions in the history of a record, newest first.
    pub(super) async fn steps(&self, person: &TestUser, path: &str) -> Vec<String> {
        let history = person.get(&format!("{path}/history")).await.expect(StatusCode::OK);
        let steps = history["data"].as_array().unwrap().iter();
        steps.map(|step| step["action"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) async fn idempotent_create(&self) {
        let (owner, sample) = self.somebody().await;
        let path = format!("/{}", self.many);
        let count = async || owner.get(&path).await.expect(StatusCode::OK)["data"].as_array().unwrap().len();
        let before = count().await;
        let first = owner.post_once(&path, "first", sample.clone()).await;
        let again = owner.post_once(&path, "first", sample.clone()).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        for header in ["etag", "location"] {
            assert!(first.header(header).is_some() && first.header(header) == again.header(header));
        }
        let made = first.expect(StatusCode::CREATED);
        assert_eq!(made, again.expect(StatusCode::CREATED));
        assert_eq!(count().await, before + 1);
        let mut other = sample;
        other.as_object_mut().unwrap().extend(self.change.as_object().unwrap().clone());
        let elsewhere = owner.post_once(&format!("{}/restore", self.path(&made)), "first", json!(null)).await;
        for refused in [owner.post_once(&path, "first", other).await, elsewhere] {
            let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(problem["code"], "idempotency-key-reused", "{}: {problem}", self.many);
        }
    }
}
