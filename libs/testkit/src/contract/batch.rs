//! A bulk write has the same effects as single writes.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Contract;
use crate::TestUser;

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    pub(super) async fn bulk_atomic(&self) {
        let (owner, sample) = self.somebody().await;
        let (many, change) = (self.many, &self.change);
        let bulk = async |operation: &str, item: Value| {
            let body = json!({ "operation": operation, "items": [item] });
            let answer = owner.post(&format!("/{many}/bulk"), body).await.expect(StatusCode::OK);
            answer["data"][0]["record"].clone()
        };
        let same = |record: &Value, fields: &Value, what: &str| {
            for (field, value) in fields.as_object().unwrap() {
                assert_eq!(&record[field], value, "{many}: {field} was not {what} in a batch");
            }
        };
        let made = bulk("create", sample.clone()).await;
        same(&made, &sample, "kept");
        let item = json!({ "id": made["id"], "version": made["version"], "patch": change });
        let changed = bulk("update", item).await;
        same(&changed, change, "changed");
        bulk("delete", json!({ "id": made["id"], "version": changed["version"] })).await;
        let back = bulk("restore", json!({ "id": made["id"] })).await;
        assert_eq!(owner.get(&self.path(&made)).await.expect(StatusCode::OK), back);
    }

    /// In an atomic bulk request one bad item fails all; otherwise it fails alone.
    pub(super) async fn bulk_partial(&self) {
        let (owner, sample) = self.somebody().await;
        let (many, made) = (self.many, self.made(&owner, &sample).await);
        let path = format!("/{many}/bulk");
        let good = json!({ "id": made["id"], "version": made["version"], "patch": self.change });
        let bad = json!({ "id": Uuid::now_v7(), "version": 1, "patch": {} });
        let body = |atomic: bool| json!({ "operation": "update", "items": [bad, good], "atomic": atomic });
        let refused = owner.post(&path, body(true)).await.expect(StatusCode::NOT_FOUND);
        assert_eq!(refused["errors"][0]["pointer"], "/items/0/id", "{many}");
        assert_eq!(owner.get(&self.path(&made)).await.expect(StatusCode::OK), made, "{many}: all or nothing");
        let half = owner.post_once(&path, "half", body(false)).await.expect(StatusCode::MULTI_STATUS);
        assert_eq!((&half["data"][0]["status"], &half["data"][1]["status"]), (&json!(404), &json!(200)));
        let again = owner.post_once(&path, "half", body(false)).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.expect(StatusCode::MULTI_STATUS), half);
        let now = owner.get(&self.path(&made)).await.expect(StatusCode::OK);
        assert_eq!(now["version"], 2, "{many}: it is done once");
    }
}
