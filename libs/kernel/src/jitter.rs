use std::time::Duration;

use uuid::Uuid;

/// Shortens a delay randomly by up to a fifth: replicas that started together soon drift apart, and none is later
/// than promised.
#[must_use]
pub fn jittered(pause: Duration) -> Duration {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    let fraction = f64::from(u16::try_from(random >> 48).unwrap_or(u16::MAX)) / f64::from(u16::MAX);
    pause.mul_f64(0.8 + 0.2 * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jittered_pause_is_never_longer_and_not_much_shorter() {
        let pause = Duration::from_secs(10);
        let pauses: Vec<_> = (0..1000).map(|_| jittered(pause)).collect();
        assert!(pauses.iter().all(|one| *one <= pause && *one >= Duration::from_secs(8)));
        assert!(
            pauses.iter().max().unwrap().saturating_sub(*pauses.iter().min().unwrap())
                > Duration::from_secs(1)
        );
    }
}
