//! Two operators who run commands concurrently.

use crate::world::World;

const NAMES: &[&str] = &[
    "restore NAME --confirm nexo",
    "restore latest --confirm nexo",
    "restore --undo --confirm nexo",
    "reset --confirm nexo",
    "tenant restore a --from NAME --with-access --confirm nexo",
    "migrate",
    "prune --confirm nexo",
    "backup",
];

/// One command waits for the other or is refused by its name; acknowledged rows stay recoverable.
#[tokio::test]
async fn of_two_commands_at_once_one_waits_or_is_refused_by_name() {
    let mut world = World::new().await;
    world.must("backup first");
    world.must("verify latest --restore");
    let name = world.backups()[0].0.clone();
    let all = std::env::var("NEXO_NIGHT_ORDERS").is_ok();
    let pairs =
        NAMES.iter().enumerate().flat_map(|(at, one)| NAMES[at..].iter().map(move |other| (one, other)));
    let pairs = pairs.enumerate().filter(|(at, _)| all || at % 9 == 0).map(|(_, pair)| pair);
    for (one, other) in pairs {
        let (one, other) = (one.replace("NAME", &name), other.replace("NAME", &name));
        world.write().await;
        let running = [&one, &other].map(|words| world.start(words));
        for (done, words) in running.map(World::end).into_iter().zip([&one, &other]) {
            let refused = done.said.contains("has the database to itself (pid")
                || done.said.contains("a backup runs (pid")
                || done.said.contains("a migration runs (pid")
                || done.said.contains("nothing to undo")
                || done.said.contains("there is no account a");
            assert!(done.code == Some(0) || refused, "{words} of {one} and {other}: {done:?}");
        }
        let ways = world.ways_back().await;
        assert!(!ways.is_empty(), "the newest row is out of reach after {one} and {other}");
        world.goes_back(&ways[0]).await;
    }
}
