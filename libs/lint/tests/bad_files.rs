//! `bad/` holds one file for each rule, named after it, which breaks that rule and no other.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use lint::{Finding, RULES, check, settle};
use migrate::{Migration, Migrations};

/// These need a server: `nexo db lint` is tested with them.
const TRIED: [&str; 4] = ["does-not-run", "breaks-isolation", "rewrites-table", "scans-under-lock"];

fn bad_files() -> Migrations {
    let bad = Migrations::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")).unwrap();
    let ours = Migrations::embedded().unwrap();
    let bytes = |one: &Migration| (one.file().to_owned(), one.up.text.clone().into_bytes());
    Migrations::of(ours.iter().chain(bad.iter()).map(bytes)).unwrap()
}

fn found(migrations: &Migrations) -> Vec<Finding> {
    settle(migrations.iter().map(|migration| &migration.up), check(migrations), false)
}

#[test]
fn each_bad_file_breaks_its_rule_alone() {
    let migrations = bad_files();
    let mut rules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in found(&migrations) {
        rules.entry(finding.file).or_default().insert(finding.rule);
    }
    for rule in RULES {
        let name = rule.name.replace('-', "_");
        let file = migrations.iter().find(|migration| migration.name == name);
        let file = file.unwrap_or_else(|| panic!("no bad file for {}", rule.name)).file();
        let wanted: Option<BTreeSet<_>> =
            (!TRIED.contains(&rule.name)).then(|| [rule.name.to_owned()].into());
        assert_eq!(rules.remove(file), wanted, "{file}");
    }
    assert!(rules.is_empty(), "nothing else is found: {rules:?}");
}

#[test]
fn nothing_is_found_in_our_own_migrations() {
    let ours = Migrations::embedded().unwrap();
    assert!(ours.iter().count() > 4);
    assert_eq!(found(&ours), []);
}

#[test]
fn one_statement_may_be_allowed_to_break_one_rule() {
    let text = "-- nexo:allow renaming-table because no release uses it\n\
                alter table app.clients rename to customers;\nalter table app.customers rename to clients;";
    let ours = Migrations::embedded().unwrap();
    let bytes = |one: &Migration| (one.file().to_owned(), one.up.text.clone().into_bytes());
    let more = ("20990101_0000_renames.sql".to_owned(), text.as_bytes().to_vec());
    let all = Migrations::of(ours.iter().map(bytes).chain([more])).unwrap();
    let found = found(&all);
    assert_eq!(
        found.iter().map(|finding| (finding.line, &*finding.rule)).collect::<Vec<_>>(),
        [(3, "renaming-table")]
    );
}
