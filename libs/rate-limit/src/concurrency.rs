use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// Limits concurrent requests: slow requests occupy more resources than a rate limit can express.
#[derive(Debug, Default)]
pub struct ConcurrencyLimit(Arc<AtomicU32>);

/// Permit for one concurrent request, released on drop.
#[derive(Debug)]
pub struct ConcurrencyPermit(Arc<AtomicU32>);

impl ConcurrencyLimit {
    /// Acquires a permit, unless `most` are held already.
    #[must_use]
    pub fn enter(&self, most: u32) -> Option<ConcurrencyPermit> {
        let place = ConcurrencyPermit(Arc::clone(&self.0));
        let before = self.0.fetch_add(1, Relaxed);
        (before < most).then_some(place) // otherwise dropped here, which releases it
    }

    /// Number of permits held.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_it_is_left_and_not_before() {
        let places = ConcurrencyLimit::default();
        let (first, second) = (places.enter(2), places.enter(2));
        assert!(first.is_some() && second.is_some() && places.enter(2).is_none());
        assert_eq!(places.taken(), 2, "whoever was refused holds none");
        drop(first);
        assert!(places.enter(2).is_some());
    }
}
