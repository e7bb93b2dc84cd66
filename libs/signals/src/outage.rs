use std::sync::atomic::{AtomicBool, Ordering};

/// Something that works, or does not for a while: for a log line when that begins, and one when it ends, however often
/// it is tried in between.
#[derive(Debug, Default)]
pub struct Outage(AtomicBool);

impl Outage {
    /// Of something that works.
    #[must_use]
    pub const fn none() -> Self {
        Self(AtomicBool::new(false))
    }

    /// It does not work now; whether it did until now, so that this is to be told.
    pub fn begins(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// It works now; whether it did not until now, so that this is to be told.
    pub fn ends(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_when_it_begins_and_once_when_it_ends() {
        let outage = Outage::none();
        assert_eq!([outage.ends(), outage.begins(), outage.begins()], [false, true, false]);
        assert_eq!([outage.ends(), outage.ends(), outage.begins()], [true, false, true]);
    }
}
