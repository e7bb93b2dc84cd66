//! Access of a member of the same account with a narrower scope.

use http::{Method, StatusCode};
use resource::{Related, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Contract;
use crate::{TestResponse, TestUser};

/// All permissions on a resource, with this scope.
fn rights_to(one: &str, reach: &str) -> String {
    ["read", "write", "delete", "purge"].map(|action| format!("{one}:{action}{reach}")).join(" ")
}

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    /// Asserts that a record out of scope, or with an unreadable subject, looks absent, as it does to a stranger.
    pub(super) async fn is_nothing_beyond_reach<R: Resource>(&self, in_batches: bool) {
        if !identity::SUBJECTS.iter().any(|subject| subject.records && subject.name == R::NAME) {
            return; // records have no owners: a permission covers all or none
        }
        let (owner, sample) = self.somebody().await;
        let mut rights = vec![format!("{} {}", rights_to(R::NAME, "@own"), self.beside)];
        if !R::SUBJECTS.is_empty() {
            let own: Vec<String> = R::SUBJECTS.iter().map(|kind| format!("{}:read@own", kind.name)).collect();
            rights.push(rights_to(R::NAME, ""));
            rights.push(format!("{} {}", rights_to(R::NAME, ""), own.join(" ")));
        }
        let made = self.made(&owner, &sample).await;
        let mut others = Vec::new();
        for rights in rights {
            others.push(self.nexo.member(owner.account, rights.trim_end()).await);
        }
        for other in &others {
            self.finds_nothing::<R>(other, &made).await;
            if in_batches {
                self.writes_nothing_in_batches(other, &made).await;
            }
        }
        assert_eq!(owner.delete(&self.path(&made), &made).await.status, StatusCode::NO_CONTENT);
        let gone = json!({ "id": made["id"], "version": 2 });
        for other in &others {
            self.finds_nothing::<R>(other, &gone).await;
            if in_batches {
                self.writes_nothing_in_batches(other, &gone).await;
            }
        }
        assert_eq!(self.steps(&owner, &self.path(&made)).await, ["removed", "created"]);
    }

    /// Asserts that an unreadable record cannot be referenced, as if it did not exist: on create, update,
    /// validation, restore, and in bulk.
    pub(super) async fn refers_to_what_its_writer_reads<R: Resource>(&self, in_batches: bool) {
        for related in R::RELATIONS {
            let (owner, sample) = self.somebody().await;
            let blind = self.nexo.member(owner.account, &self.without::<R>(related)).await;
            let (many, column) = (self.many, related.column());
            let mut nowhere = sample.clone();
            nowhere[column] = json!(Uuid::now_v7());
            let unknown = told(blind.post(&format!("/{many}"), nowhere.clone()).await);
            let first = R::RELATIONS.iter().find(|one| one.resource() == related.resource()).unwrap();
            let first = first.column(); // the first inaccessible one is reported
            assert_eq!(unknown["pointer"], format!("/{first}"), "{many}");
            let told_of = |answer: TestResponse, what: &str| {
                assert_eq!(told(answer), unknown, "{many}: {what} {column}");
            };

            told_of(blind.post(&format!("/{many}"), sample.clone()).await, "created with");
            if in_batches {
                let batch = json!({ "operation": "create", "items": [sample] });
                let refused = told(blind.post(&format!("/{many}/bulk"), batch).await);
                assert_eq!(refused["pointer"], format!("/items/0/{first}"), "{many}");
            }
            let mut made = self.made(&owner, &sample).await;
            let path = self.path(&made);
            if !R::FIELDS.iter().any(|field| field.name() == column && field.is_required()) {
                let cleared = owner.patch(&path, &made, json!({ column: null })).await.expect(StatusCode::OK);
                let set = json!({ column: sample[column] });
                told_of(blind.patch(&path, &cleared, set.clone()).await, "changed to");
                made = owner.patch(&path, &cleared, set).await.expect(StatusCode::OK);
            }
            for field in related.judged() {
                if let Some(value) = self.change.get(field) {
                    told_of(blind.patch(&path, &made, json!({ *field: value })).await, "judged with");
                }
            }
            assert_eq!(owner.delete(&path, &made).await.status, StatusCode::NO_CONTENT);
            told_of(blind.send(Method::POST, &format!("{path}/restore"), None, None).await, "restored with");
            owner.send(Method::POST, &format!("{path}/restore"), None, None).await.expect(StatusCode::OK);
        }
    }

    /// Permissions on the resource and its references, except for reading this related resource; of its own kind
    /// only own records.
    fn without<R: Resource>(&self, related: &Related) -> String {
        let other = related.resource();
        let beside = self.beside.split_whitespace().filter(|right| right.split(':').next() != Some(other));
        let beside = beside.collect::<Vec<_>>().join(" ");
        let one = R::NAME;
        let reach = if other == one { "@own" } else { "" };
        format!("{one}:read{reach} {one}:write {one}:delete {beside}").trim_end().to_owned()
    }
}

/// Violation in the response: code, detail and pointer.
#[track_caller]
fn told(answer: TestResponse) -> Value {
    let problem = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let first = &problem["errors"][0];
    json!({ "code": problem["code"], "detail": problem["detail"], "pointer": first["pointer"] })
}
