use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// How many requests of somebody run at once: a slow one holds more than a rate says.
#[derive(Debug, Default)]
pub struct Places(Arc<AtomicU32>);

/// One of them. Dropped, it is free.
#[derive(Debug)]
pub struct Place(Arc<AtomicU32>);

impl Places {
    /// A place, unless `most` are taken.
    #[must_use]
    pub fn enter(&self, most: u32) -> Option<Place> {
        let place = Place(Arc::clone(&self.0));
        let before = self.0.fetch_add(1, Relaxed);
        (before < most).then_some(place) // otherwise dropped here, and free again
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_it_is_left_and_not_before() {
        let places = Places::default();
        let (first, second) = (places.enter(2), places.enter(2));
        assert!(first.is_some() && second.is_some() && places.enter(2).is_none());
        assert_eq!(places.taken(), 2, "whoever was refused holds none");
        drop(first);
        assert!(places.enter(2).is_some());
    }
}
