//! Contract tests: properties that hold for every resource.

mod batch;
mod filter_oracle;
mod generate;
mod lifecycle;
mod lists;
mod paging;
mod reach;
mod refer;
mod stranger;
mod trash;
mod unique;

use http::StatusCode;
use resource::Resource;
use serde_json::Value;

use crate::{TestApp, TestUser};

/// A resource under test, with the way to create its records.
struct Contract<'c, S> {
    nexo: &'c TestApp,
    rights: String,
    /// Permissions for the resources that the sample refers to.
    beside: String,
    sample: S,
    change: Value,
    many: &'static str,
}

/// Asserts the contract of a resource. Records can be created, read, updated, removed, restored and purged, singly
/// and in bulk, only within their account and without lost updates. History is recorded, retries are idempotent,
/// and lists match the reference implementation page by page. `sample_of` gives every field a value for the person
/// who writes it; `change` is a patch of it.
pub async fn assert_resource_contract<R: Resource>(
    nexo: &TestApp,
    sample_of: impl Fn(&TestUser) -> Value,
    change: Value,
) {
    assert_resource_contract_with_references::<R>(nexo, "", async |person| sample_of(person), change).await;
}

/// [`assert_resource_contract`] for a resource with references, which `sample_of` creates; the person also gets
/// these `rights`.
pub async fn assert_resource_contract_with_references<R: Resource>(
    nexo: &TestApp,
    rights: &str,
    sample_of: impl AsyncFn(&TestUser) -> Value,
    change: Value,
) {
    let contract = Contract::new::<R>(nexo, rights, sample_of, change);
    contract.holds::<R>(true).await;
    contract.bulk_atomic().await;
    contract.bulk_partial().await;
}

/// [`assert_resource_contract`] for a resource without bulk operations.
pub async fn assert_resource_contract_without_bulk<R: Resource>(
    nexo: &TestApp,
    sample_of: impl Fn(&TestUser) -> Value,
    change: Value,
) {
    let contract = Contract::new::<R>(nexo, "", async |person: &TestUser| sample_of(person), change);
    contract.holds::<R>(false).await;
}

impl<'c, S: AsyncFn(&TestUser) -> Value> Contract<'c, S> {
    fn new<R: Resource>(nexo: &'c TestApp, beside: &str, sample: S, change: Value) -> Self {
        let one = R::NAME;
        let rights = format!("{one}:read {one}:write {one}:delete {one}:purge {beside}");
        let (rights, beside) = (rights.trim_end().to_owned(), beside.to_owned());
        Self { nexo, rights, beside, sample, change, many: R::PATH }
    }

    async fn holds<R: Resource>(&self, in_batches: bool) {
        self.crud_lifecycle::<R>().await;
        self.idempotent_create().await;
        self.trash_and_purge::<R>().await;
        self.blocks_nothing_from_the_trash().await;
        self.refers_to_nothing_in_the_trash::<R>().await;
        self.is_nothing_to_a_stranger::<R>(in_batches).await;
        self.is_nothing_beyond_reach::<R>(in_batches).await;
        self.refers_to_what_its_writer_reads::<R>(in_batches).await;
        self.is_found::<R>(in_batches).await;
    }

    /// A member of a new account with all permissions on the resource, and a sample for them.
    async fn somebody(&self) -> (TestUser, Value) {
        let person = self.nexo.person(&self.rights).await;
        let sample = (self.sample)(&person).await;
        (person, sample)
    }

    async fn made(&self, person: &TestUser, body: &Value) -> Value {
        person.post(&format!("/{}", self.many), body.clone()).await.expect(StatusCode::CREATED)
    }

    fn path(&self, record: &Value) -> String {
        format!("/{}/{}", self.many, record["id"].as_str().unwrap())
    }

    fn in_trash(&self, record: &Value) -> String {
        format!("/{}/trash/{}", self.many, record["id"].as_str().unwrap())
    }
}
