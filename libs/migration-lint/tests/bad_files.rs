//! `bad/` has one file per rule, named after it, which violates that rule and no other.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use migrate::{Migration, Migrations};
use migration_lint::{Finding, RULES, check, settle};

/// Rules that need a server; tested with `nexo db lint`.
const TRIED: [&str; 5] =
    ["does-not-run", "breaks-isolation", "not-reversed", "rewrites-table", "scans-under-lock"];

fn bad_files() -> Migrations {
    let bad = Migrations::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")).unwrap();
    let ours = Migrations::embedded().unwrap();
    let bytes = |one: &Migration| (one.file().to_owned(), one.up.text.clone().into_bytes());
    Migrations::from_files(ours.iter().chain(bad.iter()).map(bytes)).unwrap()
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

/// Findings in a down file with this text, for a migration that creates `app.grounds`.
fn found_in_down_file(text: &str) -> Vec<String> {
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/20990101_0000_ground.sql");
    let ours = Migrations::embedded().unwrap();
    let bytes = |one: &Migration| (one.file().to_owned(), one.up.text.clone().into_bytes());
    let up = ("20990101_0000_ground.sql".to_owned(), std::fs::read(bad).unwrap());
    let down = ("20990101_0000_ground.down.sql".to_owned(), text.as_bytes().to_vec());
    let all = Migrations::from_files(ours.iter().map(bytes).chain([up, down])).unwrap();
    let found = check(&all).into_iter().filter(|finding| finding.file.ends_with(".down.sql"));
    found.map(|finding| finding.rule).collect()
}

#[test]
fn a_right_down_file_passes_and_a_wrong_one_does_not() {
    let both = "drop table app.grounds, app.bystanders;";
    assert_eq!(found_in_down_file(both), ["kind-without-table", "kind-without-table"]);
    let right = "call ops.unprotect_table('app.grounds'); call ops.unprotect_table('app.bystanders');";
    assert_eq!(found_in_down_file(&format!("{right}{both}")), [""; 0]);
    let by_hand = "delete from ops.table_kinds where table_name in ('app.grounds', 'app.bystanders');";
    assert_eq!(found_in_down_file(&format!("{both}{by_hand}")), [""; 0]);
    let of_another = format!("{right}{both}delete from ops.table_kinds where table_name = 'app.clients';");
    assert_eq!(found_in_down_file(&of_another), ["weakens-row-security"]);
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
    let all = Migrations::from_files(ours.iter().map(bytes).chain([more])).unwrap();
    let found = found(&all);
    assert_eq!(
        found.iter().map(|finding| (finding.line, &*finding.rule)).collect::<Vec<_>>(),
        [(3, "renaming-table")]
    );
}
