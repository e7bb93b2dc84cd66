use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
    time::SystemTime,
};

use uuid::{Builder, Uuid};

/// Pseudo-random numbers of a thread: `SipHash` of a counter, under a key that the system gave.
struct Generator {
    key: RandomState,
    count: Cell<u64>,
}

thread_local! {
    static GENERATOR: Generator = Generator { key: RandomState::new(), count: Cell::new(0) };
}

/// Generates a UUID (version 7) without a system call, for one id per request. It sorts by its millisecond, and unlike
/// an [`Id`](crate::Id) not within it. It is unique, and no secret.
#[must_use]
pub fn unique_id() -> Uuid {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(); // 0 if the clock is before 1970
    let [first, second] = GENERATOR.with(|Generator { key, count }| {
        let number = count.get();
        count.set(number.wrapping_add(1));
        [0_u8, 1].map(|half| key.hash_one((number, half)))
    });
    let mut random = [0; 10];
    let (front, back) = random.split_at_mut(8);
    front.copy_from_slice(&first.to_le_bytes());
    back.copy_from_slice(second.to_le_bytes().split_at(2).0);
    Builder::from_unix_timestamp_millis(u64::try_from(since.as_millis()).unwrap_or_default(), &random)
        .into_uuid()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn ids_of_all_threads_differ_and_bear_their_time() {
        let before = Uuid::now_v7().get_timestamp().unwrap().to_unix().0;
        let threads: Vec<_> =
            (0..4).map(|_| thread::spawn(|| (0..10_000).map(|_| unique_id()).collect::<Vec<_>>())).collect();
        let ids: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 40_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(
            ids.iter().all(|id| (before..before + 60).contains(&id.get_timestamp().unwrap().to_unix().0))
        );
    }
}
