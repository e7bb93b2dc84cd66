use db::Resource;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Nexo, Person};

/// What we note about every record.
const KEPT: &[&str] = &["id", "version", "created_at", "created_by", "updated_at", "updated_by"];

/// What holds for every resource: it can be kept, seen, changed, removed and restored, by its own account only, by one
/// at a time, and its history is told. `sample` gives every field a value, for the person who writes it.
pub async fn keeps<R: Resource>(nexo: &Nexo, sample_of: impl Fn(&Person) -> Value, change: Value) {
    keeps_beside::<R>(nexo, "", async |person| sample_of(person), change).await;
}

/// The same of a resource that refers to others, which `sample_of` makes: the person has these rights as well.
pub async fn keeps_beside<R: Resource>(
    nexo: &Nexo,
    rights: &str,
    sample_of: impl AsyncFn(&Person) -> Value,
    change: Value,
) {
    let (one, many) = (R::NAME, R::PLURAL);
    let rights = format!("{one}:read {one}:write {one}:delete {rights}");
    let rights = rights.trim_end();
    let (owner, stranger) = (nexo.person(rights).await, nexo.person(rights).await);
    let sample = sample_of(&owner).await;
    for field in R::FIELDS {
        assert!(!sample[field.name()].is_null(), "{many}: the sample has no {}", field.name());
    }

    let made = owner.post(&format!("/{many}"), sample.clone()).await.expect(StatusCode::CREATED);
    for (field, value) in sample.as_object().unwrap() {
        assert_eq!(&made[field], value, "{many}: {field} was not kept");
    }
    for field in made.as_object().unwrap().keys().filter(|field| !KEPT.contains(&field.as_str())) {
        assert!(R::FIELDS.iter().any(|known| known.name() == field), "{many}: {field} is not in FIELDS");
    }
    let id = made["id"].as_str().unwrap();
    let (path, alone) = (format!("/{many}/{id}"), format!("/{many}?filter=id%5Beq%5D:%22{id}%22"));
    finds_nothing(&stranger, &path, &made, many).await;

    let unconditional = owner.send(Method::PATCH, &path, None, Some(json!({}))).await;
    assert_eq!(unconditional.status, StatusCode::PRECONDITION_REQUIRED);
    let changed = owner.patch(&path, &made, change.clone()).await.expect(StatusCode::OK);
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{many}: {field} was not changed");
    }
    let stale = owner.patch(&path, &made, change.clone()).await.expect(StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale["current"], changed, "{many}: a stale write is told what is there now");
    assert_eq!(owner.get(&path).await.expect(StatusCode::OK), changed);
    assert_eq!(owner.get(&alone).await.expect(StatusCode::OK)["data"], json!([changed]));

    let mut unknown = sample.clone();
    unknown["no such field"] = json!(1);
    let refused = owner.post(&format!("/{many}"), unknown).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["errors"][0]["pointer"], "/no such field");

    assert_eq!(owner.delete(&path, &changed).await.status, StatusCode::NO_CONTENT);
    assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(owner.get(&alone).await.expect(StatusCode::OK)["data"], json!([]));
    finds_nothing(&stranger, &path, &changed, many).await;
    let back = owner.send(Method::POST, &format!("{path}/restore"), None, None).await.expect(StatusCode::OK);
    assert_eq!(owner.get(&path).await.expect(StatusCode::OK), back);

    let history = owner.get(&format!("{path}/history")).await.expect(StatusCode::OK);
    let actions: Vec<_> = history["data"].as_array().unwrap().iter().map(|step| &step["action"]).collect();
    assert_eq!(actions, ["restored", "removed", "changed", "created"]);
    let another = nexo.person(rights).await;
    replays(&another, many, sample_of(&another).await, change.clone()).await;
    let another = nexo.person(rights).await;
    stands_in_a_batch(&another, many, sample_of(&another).await, change).await;
}

/// What is written in a batch is as if it had been written alone.
async fn stands_in_a_batch(owner: &Person, many: &str, sample: Value, change: Value) {
    let bulk = async |operation: &str, item: Value| {
        let body = json!({ "operation": operation, "items": [item] });
        owner.post(&format!("/{many}/bulk"), body).await.expect(StatusCode::OK)["data"][0]["record"].take()
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
    same(&changed, &change, "changed");
    bulk("delete", json!({ "id": made["id"], "version": changed["version"] })).await;
    let back = bulk("restore", json!({ "id": made["id"] })).await;
    let path = format!("/{many}/{}", made["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.expect(StatusCode::OK), back);
}

async fn finds_nothing(stranger: &Person, path: &str, seen: &Value, many: &str) {
    for stolen in [
        stranger.get(path).await,
        stranger.patch(path, seen, json!({})).await,
        stranger.delete(path, seen).await,
        stranger.send(Method::POST, &format!("{path}/restore"), None, None).await,
        stranger.get(&format!("{path}/history")).await,
    ] {
        assert_eq!(stolen.status, StatusCode::NOT_FOUND, "{many}: {}", stolen.body);
    }
    assert_eq!(stranger.get(&format!("/{many}")).await.expect(StatusCode::OK)["data"], json!([]));
}

async fn replays(owner: &Person, many: &str, sample: Value, change: Value) {
    let path = format!("/{many}");
    let count = async || owner.get(&path).await.expect(StatusCode::OK)["data"].as_array().unwrap().len();
    let before = count().await;
    let first = owner.post_once(&path, "first", sample.clone()).await;
    let again = owner.post_once(&path, "first", sample.clone()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.expect(StatusCode::CREATED), again.expect(StatusCode::CREATED));
    assert_eq!(count().await, before + 1);
    let mut other = sample;
    other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let refused = owner.post_once(&path, "first", other).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{many}: {}", refused.body);
}
