//! Response times do not reveal whether a user exists.
//!
//! Permutation test. Two kinds of request differ if their medians lie further apart than any two halves of one kind. In
//! addition, random shuffles must rarely give such a distance. Kinds alternate in random order, so that other load
//! affects them alike.
#![expect(clippy::print_stderr, reason = "a statistical test shows its numbers")]

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
use http::StatusCode;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::{PASSWORD, nexo, post, registration};

/// Number of shuffles per distribution, and the significance level.
const SHUFFLES: usize = 2_000;
const RARE: f64 = 0.001;
/// Requests before the measurement: connections are opened, and PostgreSQL settles on its plans.
const WARM_UP: usize = 12;

/// One kind of request, with a body per turn; each names another user, so that none is throttled.
struct Kind {
    name: &'static str,
    path: &'static str,
    status: StatusCode,
    body: fn(usize) -> Value,
}

/// Durations of one kind's requests in milliseconds.
type Times = Vec<f64>;

/// Deterministic random numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % end
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.below(at + 1));
        }
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    let at = times.len() / 2;
    *times.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Distances of the medians of two parts of `times`, the first of `size`, over many shuffles; ascending.
fn distances(times: &[f64], size: usize) -> Times {
    let (mut dice, mut times) = (Dice(7), times.to_vec());
    let mut one = || {
        dice.shuffle(&mut times);
        let (part, rest) = times.split_at(size);
        (median(part) - median(rest)).abs()
    };
    let mut distances: Times = (0..SHUFFLES).map(|_| one()).collect();
    distances.sort_by(f64::total_cmp);
    distances
}

/// Statistical difference between two kinds.
struct Difference {
    shift: f64,
    /// Largest distance of the medians of one kind's two halves.
    noise: f64,
    /// Probability of such a shift by chance.
    chance: f64,
}

impl Difference {
    fn between(one: &[f64], other: &[f64]) -> Self {
        let split = distances(one, one.len() / 2);
        let shuffled = distances(&[one, other].concat(), one.len());
        let shift = median(other) - median(one);
        let rarer = shuffled.len() - shuffled.partition_point(|distance| *distance < shift.abs());
        #[expect(clippy::cast_precision_loss, reason = "they are 2000")]
        let chance = (rarer + 1) as f64 / (SHUFFLES + 1) as f64;
        Self { shift, noise: split[SHUFFLES - 1 - SHUFFLES / 1_000], chance }
    }

    fn is_real(&self) -> bool {
        self.shift.abs() > self.noise && self.chance <= RARE
    }
}

async fn measure(nexo: &TestApp, kinds: &[Kind], turns: std::ops::Range<usize>) -> Vec<Times> {
    let mut dice = Dice(turns.start as u64);
    let mut times = vec![Times::new(); kinds.len()];
    for turn in turns {
        let mut order: Vec<usize> = (0..kinds.len()).collect();
        dice.shuffle(&mut order);
        for at in order {
            let kind = &kinds[at];
            let body = (kind.body)(turn * kinds.len() + at);
            let start = Instant::now();
            let answer = post(nexo, kind.path, body).await;
            let took: Duration = start.elapsed();
            answer.expect(kind.status);
            times[at].push(took.as_secs_f64() * 1e3);
        }
    }
    times
}

/// Of `kinds`, the first two are identical, the last is distinguishable (a control), and the rest must not be.
async fn nobody_can_tell(nexo: &TestApp, kinds: &[Kind], turns: usize) {
    measure(nexo, kinds, 0..WARM_UP).await;
    let (first, second) = (WARM_UP..WARM_UP + turns, WARM_UP + turns..WARM_UP + 3 * turns);
    let told = told_apart(kinds, &measure(nexo, kinds, first).await);
    if told.is_empty() {
        return;
    }
    eprintln!("{told:?}: once more, with twice as many");
    let told = told_apart(kinds, &measure(nexo, kinds, second).await);
    assert!(told.is_empty(), "{told:?}");
}

/// Descriptions of all kinds that behave unexpectedly.
fn told_apart(kinds: &[Kind], times: &[Times]) -> Vec<String> {
    let base = &times[0];
    let mut wrong = Vec::new();
    let mut look = |name: &str, other: &[f64], expected: bool| {
        let found = Difference::between(base, other);
        eprintln!(
            "{name:45}{:5} times, median {:8.3} ms, shift {:+8.3} ms, noise {:6.3} ms, by chance {:.4}",
            other.len(),
            median(other),
            found.shift,
            found.noise,
            found.chance
        );
        if found.is_real() != expected {
            wrong.push(format!("{name}: {:+.3} ms, noise {:.3} ms", found.shift, found.noise));
        }
        found.noise
    };
    let last = kinds.len() - 1;
    let mut noise = 0.0;
    for (at, (kind, times)) in kinds.iter().zip(times).enumerate().skip(1) {
        noise = look(kind.name, times, at == last);
    }
    let leak = 3.0 * noise;
    let leaking: Times = times[1].iter().map(|time| time + leak).collect();
    look(&format!("{}, and {leak:.3} ms more", kinds[0].name), &leaking, true);
    wrong
}

/// Inserts users `known<n>@`, `gone<n>@` (suspended), `out<n>@` (suspended membership) and `left<n>@` (removed), all
/// with the same password.
async fn people(nexo: &TestApp, count: usize) {
    let params = Params::new(19_456, 2, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(PASSWORD.as_bytes()).unwrap();
    let rows = format!(
        "insert into app.account_directory (account_id, slug) values (md5('acme')::uuid, 'acme');
         insert into app.accounts (account_id, name, created_by, updated_by) select account_id, 'Acme', account_id, account_id from app.account_directory;
         insert into app.users (id, email, display_name, status)
             select md5(k || n)::uuid, k || n || '@acme.test', k, case k when 'gone' then 'suspended' else 'active' end
             from unnest(array['known', 'gone', 'out', 'left']) k, generate_series(0, {count}) n;
         insert into app.user_credentials (user_id, password_hash) select id, '{hash}' from app.users;
         insert into app.memberships (account_id, user_id, status)
             select md5('acme')::uuid, id, case display_name when 'out' then 'suspended' when 'left' then 'removed' else 'active' end from app.users;
         analyze app.users; analyze app.user_credentials; analyze app.memberships;"
    );
    nexo.ground.database.run(&rows).await;
}

fn login(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn a_login_takes_as_long_for_known_and_unknown_users() {
    const TURNS: usize = 120;
    let nexo = nexo().await;
    let refused = |name, body| Kind { name, path: "login", status: StatusCode::UNAUTHORIZED, body };
    let kinds = [
        refused("a wrong password", |at| login(&format!("known{at}@acme.test"), "wrong")),
        refused("a wrong password again", |at| login(&format!("known{at}@acme.test"), "wrong")),
        refused("nobody", |at| login(&format!("nobod{at}@acme.test"), "wrong")),
        refused("somebody suspended", |at| login(&format!("gone{at}@acme.test"), PASSWORD)),
        refused("somebody of a suspended membership", |at| login(&format!("out{at}@acme.test"), "wrong")),
        refused("somebody who has left", |at| login(&format!("left{at}@acme.test"), "wrong")),
        Kind {
            name: "a request that skips the hashing",
            path: "login",
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: |_| login("", "wrong"),
        },
    ];
    people(&nexo, (WARM_UP + 3 * TURNS) * kinds.len()).await;
    nobody_can_tell(&nexo, &kinds, TURNS).await;
}

#[tokio::test]
async fn a_mail_takes_as_long_to_known_and_unknown_addresses() {
    const TURNS: usize = 300;
    let nexo = nexo().await;
    let asked = |name, body| Kind { name, path: "password/reset", status: StatusCode::ACCEPTED, body };
    let kinds = [
        asked("somebody's password", |at| json!({ "email": format!("known{at}@acme.test") })),
        asked("somebody's password again", |at| json!({ "email": format!("known{at}@acme.test") })),
        asked("nobody's password", |at| json!({ "email": format!("nobod{at}@acme.test") })),
        asked("the password of somebody suspended", |at| json!({ "email": format!("gone{at}@acme.test") })),
        Kind {
            name: "a request that asks no database",
            path: "password/reset",
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: |_| json!({ "email": "nobody" }),
        },
    ];
    people(&nexo, (WARM_UP + 3 * TURNS) * kinds.len()).await;
    nobody_can_tell(&nexo, &kinds, TURNS).await;
}

#[tokio::test]
async fn a_registration_takes_as_long_whether_the_address_is_known() {
    const TURNS: usize = 100;
    let nexo = nexo().await;
    let new = |name, body| Kind { name, path: "register", status: StatusCode::ACCEPTED, body };
    let kinds = [
        new("a known address", |at| registration(&format!("known{at}@acme.test"), "Acme")),
        new("a known address again", |at| registration(&format!("known{at}@acme.test"), "Acme")),
        new("a new address", |at| registration(&format!("nobod{at}@acme.test"), "Acme")),
        Kind {
            name: "a request that skips the hashing",
            path: "register",
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: |at| registration(&format!("new{at}"), "Acme"),
        },
    ];
    people(&nexo, (WARM_UP + 3 * TURNS) * kinds.len()).await;
    nobody_can_tell(&nexo, &kinds, TURNS).await;
}
