//! Pagination under concurrent writes.

use std::collections::HashSet;

use http::StatusCode;
use resource::Resource;
use serde_json::{Value, json};

use super::{
    Contract,
    filter_oracle::columns,
    generate::{SeededRng, vary},
    lists::id,
};
use crate::TestUser;

/// Number of writes between two pages.
const MEANWHILE: usize = 6;

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    /// Asserts that a record which exists from the first page to the last occurs on exactly one page. Covers an
    /// order with an index, and one with nulls and ties.
    pub(super) async fn is_paged<R: Resource>(&self, owner: &TestUser, sample: &Value) {
        let nullable =
            R::FIELDS.iter().rfind(|field| columns::<R>().iter().any(|one| one.name == field.name()));
        let other = format!("-{},created_at", nullable.unwrap().name());
        let mut new = 1_000;
        for limit in [1, 7, 200] {
            for sort in ["-created_at", &other] {
                self.is_read_through::<R>(owner, sample, limit, sort, &mut new).await;
            }
        }
    }

    async fn is_read_through<R: Resource>(
        &self,
        owner: &TestUser,
        sample: &Value,
        limit: usize,
        sort: &str,
        new: &mut usize,
    ) {
        let mut dice = SeededRng::from_seed(u64::try_from(*new).unwrap());
        let mut there = self.search(owner, json!({ "limit": 200 })).await;
        let (mut seen, mut writes) = (Vec::new(), 0);
        let mut asked = json!({ "limit": limit, "sort": sort });
        loop {
            let page =
                owner.post(&format!("/{}/search", self.many), asked.clone()).await.expect(StatusCode::OK);
            seen.extend(page["data"].as_array().unwrap().iter().map(id));
            let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
            asked["cursor"] = json!(cursor);
            if writes < MEANWHILE && dice.below(3) == 0 {
                writes += 1;
                *new += 1;
                // Some are refused because a value is taken: then nothing was written.
                owner.post(&format!("/{}", self.many), vary::<R>(sample, *new)).await;
                let gone = there.swap_remove(dice.below(there.len()));
                owner.delete(&self.path(&gone), &gone).await;
            }
        }
        let once: HashSet<_> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "{}: {sort} by {limit} shows a record twice", self.many);
        for record in &there {
            assert!(once.contains(&id(record)), "{}: {sort} by {limit} misses a record", self.many);
        }
    }
}
