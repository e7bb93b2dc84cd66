//! Random sequences of operator commands and accidents.

use std::time::Duration;

use crate::world::{World, latest};

/// Xorshift: the same numbers for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

const STEPS: usize = 5;

/// Commands; NAME is replaced by an existing backup.
const COMMANDS: &[&str] = &[
    "backup",
    "backup by-hand",
    "restore latest --confirm nexo",
    "restore latest --no-backup --reason night --confirm nexo",
    "restore NAME --confirm nexo",
    "restore --undo --confirm nexo",
    "prune --confirm nexo",
    "migrate",
    "rollback --to LATEST --reason night --confirm nexo",
    "tenant restore a --from latest --with-access --confirm nexo",
    "verify --all",
];

/// Invariant: after each step, whatever its outcome, a documented command restores the newest acknowledged row. At the
/// end it is executed.
#[tokio::test]
async fn in_no_order_is_the_newest_row_out_of_reach() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let seed = number(
        "NEXO_NIGHT_SEED",
        u64::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..8].try_into().unwrap()) | 1,
    );
    let count = number("NEXO_NIGHT_ORDERS", 2);
    for at in 0..count {
        let seed = seed.wrapping_add(at);
        let replay = format!("NEXO_NIGHT_SEED={seed} NEXO_NIGHT_ORDERS=1");
        println!("order {at}: {replay}");
        order(&mut Random(seed.max(1)), &replay).await;
    }
}

async fn order(random: &mut Random, replay: &str) {
    let mut world = World::new().await;
    let mut done: Vec<String> = Vec::new();
    world.must("backup first");
    for _ in 0..STEPS {
        let step = step(&mut world, random).await;
        println!("  {step}");
        done.push(step);
        let ways = world.ways_back().await;
        assert!(!ways.is_empty(), "{replay}: the newest row is out of reach after {done:?}");
        if random.below(2) == 0 {
            world.write().await;
        }
    }
    let ways = world.ways_back().await;
    let way = ways[random.below(ways.len())].clone();
    println!("  back: {way}");
    world.goes_back(&way).await;
}

/// Performs a random step and returns its description.
async fn step(world: &mut World, random: &mut Random) -> String {
    if random.below(8) == 0 {
        return lose(world, random).await;
    }
    let mut words = COMMANDS[random.below(COMMANDS.len())].to_owned();
    if words.contains("NAME") {
        let backups = world.backups();
        words = words.replace("NAME", &backups[random.below(backups.len())].0);
    }
    let words = words.replace("LATEST", &latest());
    if random.below(3) == 0 {
        let time = Duration::from_millis(u64::try_from(random.below(3000)).unwrap());
        world.killed(&words, time).await;
        return format!("{words} (killed after {time:?})");
    }
    let ended = world.run(&words);
    assert!(ended.code.is_some() && !ended.said.contains("panicked"), "{words}: {ended:?}");
    let last = ended.said.lines().last().unwrap_or_default();
    format!("{words} (exit code {}: {last})", ended.code.unwrap())
}

/// Loses a part of the store, but never the only copy of a row, which only a second store could restore.
async fn lose(world: &mut World, random: &mut Random) -> String {
    let backups = world.backups();
    let name = &backups[random.below(backups.len())].0;
    let (ways, only) = (world.ways_back().await, format!("restore {name} --confirm nexo"));
    if ways != [only] {
        let _ = std::fs::remove_file(world.archive(name)); // it may be lost already
    }
    format!("the archive of {name} is lost")
}
