use std::sync::atomic::{AtomicBool, Ordering};

/// Outage of a dependency: detects its start and its end, so that each is logged once, however often it is tried.
#[derive(Debug, Default)]
pub struct Outage(AtomicBool);

impl Outage {
    /// State of a dependency that works.
    #[must_use]
    pub const fn none() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Records a failure; true if the outage starts now and should be logged.
    pub fn begins(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Records a success; true if the outage ends now and should be logged.
    pub fn ends(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_logged_once_when_it_begins_and_once_when_it_ends() {
        let outage = Outage::none();
        assert_eq!([outage.ends(), outage.begins(), outage.begins()], [false, true, false]);
        assert_eq!([outage.ends(), outage.ends(), outage.begins()], [true, false, true]);
    }
}
