//! `nexo db lint` with a temporary server.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

/// Runs the linter: exit code and findings.
fn lint(arguments: &[&str]) -> (i32, Vec<Value>) {
    let done = Command::new(env!("CARGO_BIN_EXE_nexo"))
        .args(["db", "lint", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    let found = serde_json::from_slice(&done.stdout);
    let found = found.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    (done.status.code().unwrap_or(-1), found)
}

#[test]
fn our_own_migrations_are_clean_on_a_server() {
    assert_eq!(lint(&[]), (0, Vec::new()));
}

#[test]
fn every_rule_is_found_in_a_folder_of_bad_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    for source in ["migrations", "libs/migration-lint/tests/bad"] {
        for entry in fs::read_dir(root.join(source)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let (code, found) = lint(&["--migrations", folder.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    let of_own_file = |finding: &&Value| {
        let named = finding["rule"].as_str().unwrap().replace('-', "_");
        finding["file"].as_str().unwrap().replace(".down.sql", ".sql").ends_with(&format!("_{named}.sql"))
    };
    let broken: BTreeSet<_> =
        found.iter().filter(of_own_file).map(|finding| finding["rule"].as_str().unwrap()).collect();
    let missed: Vec<_> =
        migration_lint::RULES.iter().map(|rule| rule.name).filter(|rule| !broken.contains(rule)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    let in_ours = found.iter().filter(|finding| finding["file"].as_str().unwrap() < "2099");
    assert_eq!(in_ours.count(), 0);
}
