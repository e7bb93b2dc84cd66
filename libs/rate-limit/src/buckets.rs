use std::{hash::Hash, sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

/// Idle time after which a bucket is full at any rate (`ck_plan_limits_burst`), so it can be evicted.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Bounded map of buckets, such as one per address; evicts idle entries.
#[derive(Clone)]
pub struct Buckets<K, V>(Cache<K, Arc<V>>);

impl<K: Hash + Eq + Send + Sync + 'static, V: Send + Sync + 'static> Buckets<K, V> {
    /// Creates a map with this capacity. It evicts the least recently used entries, which are the fullest.
    #[must_use]
    pub fn at_most(number: u64) -> Self {
        let kept = Cache::builder().max_capacity(number).time_to_idle(IDLE);
        Self(kept.eviction_policy(EvictionPolicy::lru()).build())
    }

    /// Returns the entry of `key`, if there is one.
    #[must_use]
    pub fn known(&self, key: &K) -> Option<Arc<V>> {
        self.0.get(key)
    }

    /// Returns the entry of `key`, or inserts the result of `new`.
    pub fn get_or_insert(&self, key: K, new: impl FnOnce() -> V) -> Arc<V> {
        self.0.get_with(key, || Arc::new(new()))
    }
}
