//! What holds for every resource.

mod batch;
mod life;
mod lists;
mod meaning;
mod paging;
mod reach;
mod refer;
mod stranger;
mod trash;
mod unique;
mod vary;

use db::Resource;
use http::StatusCode;
use serde_json::Value;

use crate::{Nexo, Person};

/// A resource under test: how somebody new comes by a record of it.
struct Contract<'c, S> {
    nexo: &'c Nexo,
    rights: String,
    /// To what the sample refers to, or is about.
    beside: String,
    sample: S,
    change: Value,
    many: &'static str,
}

/// What holds for every resource: a record can be kept, seen, changed, removed, restored and purged, alone and in batches,
/// by its own account only, by one at a time; its history is told; a request that comes twice is done once; and lists find
/// exactly what a look at every record finds, in its order, page by page. `sample` gives every field a value, for the
/// person who writes it; `change` is a patch of it.
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
    let contract = Contract::of::<R>(nexo, rights, sample_of, change);
    contract.holds::<R>(true).await;
    contract.stands_in_a_batch().await;
    contract.stands_in_half_a_batch().await;
}

/// The same of a resource of which nobody has many, and that has no operations for many at once.
pub async fn keeps_one_by_one<R: Resource>(nexo: &Nexo, sample_of: impl Fn(&Person) -> Value, change: Value) {
    let contract = Contract::of::<R>(nexo, "", async |person: &Person| sample_of(person), change);
    contract.holds::<R>(false).await;
}

impl<'c, S: AsyncFn(&Person) -> Value> Contract<'c, S> {
    fn of<R: Resource>(nexo: &'c Nexo, beside: &str, sample: S, change: Value) -> Self {
        let one = R::NAME;
        let rights = format!("{one}:read {one}:write {one}:delete {one}:purge {beside}");
        let (rights, beside) = (rights.trim_end().to_owned(), beside.to_owned());
        Self { nexo, rights, beside, sample, change, many: R::PATH }
    }

    async fn holds<R: Resource>(&self, in_batches: bool) {
        self.is_lived::<R>().await;
        self.is_done_once().await;
        self.leaves_the_trash::<R>().await;
        self.blocks_nothing_from_the_trash().await;
        self.refers_to_nothing_in_the_trash::<R>().await;
        self.is_nothing_to_a_stranger::<R>(in_batches).await;
        self.is_nothing_beyond_reach::<R>(in_batches).await;
        self.refers_to_what_its_writer_reads::<R>(in_batches).await;
        self.is_found::<R>(in_batches).await;
    }

    /// Somebody of a new account, who has all rights to the resource, and a sample for them.
    async fn somebody(&self) -> (Person, Value) {
        let person = self.nexo.person(&self.rights).await;
        let sample = (self.sample)(&person).await;
        (person, sample)
    }

    async fn made(&self, person: &Person, body: &Value) -> Value {
        person.post(&format!("/{}", self.many), body.clone()).await.expect(StatusCode::CREATED)
    }

    fn path(&self, record: &Value) -> String {
        format!("/{}/{}", self.many, record["id"].as_str().unwrap())
    }

    fn in_trash(&self, record: &Value) -> String {
        format!("/{}/trash/{}", self.many, record["id"].as_str().unwrap())
    }
}
