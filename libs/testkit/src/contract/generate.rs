//! Generated records: variations of a sample, as far as the rules of the resource allow.

use resource::{Field, Kind, Resource};
use serde_json::{Value, json};

/// Pseudo-random numbers with a fixed seed (Knuth's MMIX generator), so that failures are reproducible.
pub(super) struct SeededRng(u64);

impl SeededRng {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// The variation number `at` of the sample. Its texts are unique.
pub(super) fn vary<R: Resource>(sample: &Value, at: usize) -> Value {
    let mut dice = SeededRng::from_seed(u64::try_from(at).unwrap() + 1);
    let mut record = sample.clone();
    for field in R::FIELDS.iter().filter(|field| field.kind() == Kind::Text) {
        let other = named(&record, field.name(), &Value::from(text(sample, field.name(), at)));
        record = if is_good::<R>(&other) { other } else { record };
    }
    let free: Vec<&Field<R>> = R::FIELDS.iter().filter(|field| !says_whose::<R>(field)).collect();
    for round in 0..80 {
        // Also changes two fields at once: some can only change together.
        let mut other = record.clone();
        for _ in 0..=round % 2 {
            let field = dice.one(&free);
            let values = values(field, sample, &record);
            other = named(&other, field.name(), dice.one(&values));
        }
        record = if is_good::<R>(&other) { other } else { record };
    }
    record
}

/// Whether the field is the type that belongs to an id (`x_type` beside `x_id`); it must not be varied.
fn says_whose<R: Resource>(field: &Field<R>) -> bool {
    let of = field.name().strip_suffix("_type").map(|of| format!("{of}_id"));
    of.is_some_and(|id| R::FIELDS.iter().any(|other| other.name() == id))
}

fn named(record: &Value, field: &str, value: &Value) -> Value {
    let mut record = record.clone();
    record[field] = value.clone();
    record
}

fn is_good<R: Resource>(record: &Value) -> bool {
    let read = serde_json::from_value::<R>(record.clone());
    read.is_ok_and(|record| record.validate().is_ok() && R::check(None, &record).is_ok())
}

/// A unique text: lowercase and uppercase letters, and some beyond ASCII, whose code point order differs from
/// dictionaries.
fn text(sample: &Value, field: &str, at: usize) -> String {
    let first = ["a", "B", "ä", "Z", "z", "Ø"][at % 6];
    format!("{first}{at}{}", sample[field].as_str().unwrap_or_default())
}

/// Candidate values of a field; null is twice as likely as another value.
fn values<R>(field: &Field<R>, sample: &Value, record: &Value) -> Vec<Value> {
    let mut values = match field.kind() {
        Kind::Choice(words) => words.iter().map(|word| json!(word)).collect(),
        Kind::Integer => [0, 1, 2, 3, 5, 12, 30, 100].map(Value::from).into(),
        Kind::Amount => ["0.00", "7.50", "10.00", "1500.00", "1500.01"].map(Value::from).into(),
        Kind::Instant => {
            ["2024-01-01T00:00:00Z", "2026-03-01T09:30:00Z", "2026-03-01T09:30:00.5Z"].map(Value::from).into()
        }
        Kind::Date => ["1999-12-31", "2024-02-29", "2026-03-01", "2026-12-31"].map(Value::from).into(),
        Kind::Boolean => vec![json!(true), json!(false)],
        Kind::Texts | Kind::Json => vec![json!([]), json!({}), sample[field.name()].clone()],
        Kind::Text => vec![json!("USD"), json!("GBP"), json!("#0088ff"), record[field.name()].clone()],
        Kind::Id => vec![sample[field.name()].clone()],
    };
    if field.kind() == Kind::Text && sample[field.name()] != json!("EUR") && !is_colour(&sample[field.name()])
    {
        values.retain(|value| value == &record[field.name()]); // a word that is always valid would not be unique
    }
    values.extend([Value::Null, Value::Null]);
    values
}

fn is_colour(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with('#'))
}
