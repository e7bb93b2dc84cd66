use std::{hash::Hash, sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

/// Whoever has not come for so long has a full bucket again, whatever the rate (`ck_plan_limits_burst`).
const IDLE: Duration = Duration::from_secs(15 * 60);

/// What is known of many, such as a bucket for each address: never more than so many, and none that is long idle.
#[derive(Clone)]
pub struct Buckets<K, V>(Cache<K, Arc<V>>);

impl<K: Hash + Eq + Send + Sync + 'static, V: Send + Sync + 'static> Buckets<K, V> {
    /// At most so many. Those that have been idle for the longest go first: they are the fullest.
    #[must_use]
    pub fn at_most(number: u64) -> Self {
        let kept = Cache::builder().max_capacity(number).time_to_idle(IDLE);
        Self(kept.eviction_policy(EvictionPolicy::lru()).build())
    }

    /// What is known of `key`.
    #[must_use]
    pub fn known(&self, key: &K) -> Option<Arc<V>> {
        self.0.get(key)
    }

    /// What is known of `key`, or what `new` makes.
    pub fn of(&self, key: K, new: impl FnOnce() -> V) -> Arc<V> {
        self.0.get_with(key, || Arc::new(new()))
    }
}
