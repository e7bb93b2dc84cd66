//! Access of a person from another account with all permissions there.

use http::{Method, StatusCode};
use resource::Resource;
use serde_json::{Value, json};

use super::Contract;
use crate::{TestResponse, TestUser};

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    pub(super) async fn is_nothing_to_a_stranger<R: Resource>(&self, in_batches: bool) {
        let (owner, sample) = self.somebody().await;
        let stranger = self.nexo.person(&self.rights).await;
        let made = self.made(&owner, &sample).await;
        self.finds_nothing::<R>(&stranger, &made).await;
        if in_batches {
            self.writes_nothing_in_batches(&stranger, &made).await;
        }
        let refers = sample
            .as_object()
            .unwrap()
            .values()
            .any(|value| value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok()));
        if refers {
            let copied = stranger.post(&format!("/{}", self.many), sample).await;
            assert_eq!(
                copied.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{}: it refers to what is not theirs",
                self.many
            );
        }
        assert_eq!(
            owner.get(&self.path(&made)).await.expect(StatusCode::OK),
            made,
            "{}: it is untouched",
            self.many
        );
        assert_eq!(owner.delete(&self.path(&made), &made).await.status, StatusCode::NO_CONTENT);
        let gone = json!({ "id": made["id"], "version": 2 });
        self.finds_nothing::<R>(&stranger, &gone).await;
        assert_eq!(self.steps(&owner, &self.path(&made)).await, ["removed", "created"]);
    }

    pub(super) async fn finds_nothing<R: Resource>(&self, stranger: &TestUser, seen: &Value) {
        let (many, path) = (self.many, self.path(seen));
        let expand: Vec<&str> = R::RELATIONS.iter().map(resource::Related::name).collect();
        let expand = expand.join(",");
        let expanded = if expand.is_empty() { path.clone() } else { format!("{path}?expand={expand}") };
        let tags = format!("{path}/tags");
        for stolen in [
            stranger.get(&path).await,
            stranger.get(&expanded).await,
            stranger.get(&format!("{path}/history")).await,
            stranger.get(&format!("{path}/timeline")).await,
            stranger.get(&tags).await,
            stranger.send(Method::PUT, &tags, Some(&seen["version"]), Some(json!({ "tags": [] }))).await,
            stranger.patch(&path, seen, json!({})).await,
            stranger.delete(&path, seen).await,
            stranger.send(Method::POST, &format!("{path}/restore"), None, None).await,
            stranger.delete(&self.in_trash(seen), seen).await,
        ] {
            assert_eq!(stolen.status, StatusCode::NOT_FOUND, "{many}: {}", stolen.body);
        }
        let one = json!({ "field": "id", "op": "eq", "value": seen["id"] });
        let search = json!({ "filter": one, "count": "exact" });
        for empty in [
            stranger.get(&format!("/{many}?count=exact")).await,
            stranger.get(&format!("/{many}/trash?count=exact")).await,
            stranger.post(&format!("/{many}/search"), search).await,
        ] {
            let found = empty.expect(StatusCode::OK);
            assert_eq!((&found["data"], &found["page"]["total"]), (&json!([]), &json!(0)), "{many}");
        }
        let exported = stranger.get(&format!("/{many}/export?format=ndjson")).await;
        assert_eq!((exported.status, exported.body), (StatusCode::OK, Value::Null), "{many}");
    }

    pub(super) async fn writes_nothing_in_batches(&self, stranger: &TestUser, seen: &Value) {
        let many = self.many;
        let (id, version) = (&seen["id"], &seen["version"]);
        let each = async |operation: &str, item: Value| -> TestResponse {
            let body = json!({ "operation": operation, "items": [item], "atomic": false });
            stranger.post(&format!("/{many}/bulk"), body).await
        };
        for answer in [
            each("update", json!({ "id": id, "version": version, "patch": {} })).await,
            each("delete", json!({ "id": id, "version": version })).await,
            each("restore", json!({ "id": id })).await,
        ] {
            let told = answer.expect(StatusCode::MULTI_STATUS);
            assert_eq!(told["data"][0]["status"], 404, "{many}: {told}");
        }
        let wish = json!({ "filter": { "field": "id", "op": "eq", "value": id }, "operation": "delete" });
        let preview = stranger.post(&format!("/{many}/bulk/preview"), wish).await.expect(StatusCode::OK);
        assert_eq!(preview["count"], 0, "{many}");
    }
}
