//! Settings: known names, addresses, and the state folder.

use std::{collections::BTreeSet, fs, path::Path};

use kernel::KNOWN_SETTINGS;

use crate::process::{Nexo, home};

/// Settings that are only read by tests.
const OF_TESTS: &[&str] = &["NEXO_TEST_ABANDON", "NEXO_TEST_DATA", "NEXO_TEST_TELL"];

#[test]
fn a_mistyped_setting_ends_a_command_and_a_start_and_production_goes_on() {
    let home = home();
    let typo = ("NEXO_BACKUP_RETENTON", "last=1");
    for command in
        [&["db", "status"][..], &["up"], &["healthcheck", "http://127.0.0.1:9/"], &["logins", "waits"]]
    {
        let (code, said) = Nexo::command_with(&home, command, &[typo]);
        assert!(
            code == 2 && said.contains("NEXO_BACKUP_RETENTON") && said.contains("NEXO_BACKUP_RETENTION"),
            "{said}"
        );
    }
    assert!(!home.path().join("state").exists(), "nothing was begun");
    let serious = [typo, ("NEXO_ENV", "production")];
    let (code, said) = Nexo::command_with(&home, &["healthcheck", "http://127.0.0.1:9/"], &serious);
    assert!(code == 1 && said.contains("NEXO_BACKUP_RETENTON") && said.contains("WARN"), "{said}");
}

#[test]
fn a_health_check_asks_where_the_settings_say_that_the_gateway_listens() {
    let home = home();
    for (listens, asked) in [
        ("127.0.0.1:9", "http://127.0.0.1:9/health/ready"),
        ("localhost:9", "http://127.0.0.1:9/health/ready"),
        (":9", "http://127.0.0.1:9/health/ready"),
    ] {
        let (code, said) = Nexo::command_with(&home, &["healthcheck"], &[("NEXO_GATEWAY_LISTEN", listens)]);
        assert!(code == 1 && said.contains(asked), "{listens}: {said}");
    }
    let (code, said) = Nexo::command(&home, &["healthcheck"]);
    assert!(code == 2 && said.contains("NEXO_GATEWAY_LISTEN leaves the port to the system"), "{said}");
    let (code, said) = Nexo::command_with(&home, &["healthcheck"], &[("NEXO_GATEWAY_LISTEN", "here")]);
    assert!(code == 2 && said.contains("127.0.0.1:3000, localhost:3000 or :3000"), "{said}");
}

#[test]
fn a_command_makes_nothing_where_there_is_no_nexo() {
    let home = home();
    let database = ("MIGRATION_DATABASE_URL", "postgres://nexo_migrator:x@127.0.0.1:9/nexo");
    for command in [&["db", "backup"][..], &["db", "backups"], &["db", "status"], &["db", "migrate"]] {
        let (code, _) = Nexo::command_with(&home, command, &[database]);
        assert_eq!(code, 2, "{command:?}");
        assert!(!home.path().join("state").exists(), "{command:?}");
    }
    let (_, said) = Nexo::command_with(&home, &["db", "backup"], &[database]);
    assert!(said.contains("NEXO_SECRET: is not set") && said.contains("NEXO_STATE_DIR"), "{said}");
}

#[test]
fn a_folder_of_other_files_is_no_state_folder() {
    let home = home();
    let state = home.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("thesis.tex"), "mine").unwrap();
    let (code, said) = Nexo::command(&home, &["up"]);
    assert!(code == 2 && said.contains("files that are not NEXO's (such as thesis.tex)"), "{said}");
    assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "nothing was made in it");
}

/// Searches all files that read or document settings: source, compose, images, scripts.
#[test]
fn every_setting_that_is_read_is_known_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let known: BTreeSet<String> = KNOWN_SETTINGS.iter().map(ToString::to_string).collect();
    let mut read = BTreeSet::new();
    for folder in ["services", "libs", "docker", "scripts"] {
        names(&root.join(folder), &mut read);
    }
    for file in
        ["compose.yaml", "compose.dev.yaml", "compose.prod.yaml", "compose.managed.yaml", ".env.example"]
    {
        names(&root.join(file), &mut read);
    }
    let of = |name: &str| name.strip_suffix("_FILE").unwrap_or(name).to_owned();
    let unknown: Vec<_> =
        read.iter().filter(|name| !known.contains(&of(name)) && !OF_TESTS.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "libs/kernel/src/settings/known.rs lacks {unknown:?}");
    let unread: Vec<_> = known.iter().filter(|name| !read.iter().any(|read| of(read) == **name)).collect();
    assert!(unread.is_empty(), "nothing reads {unread:?}");
    let page = fs::read_to_string(root.join("docs/settings.md")).unwrap();
    let undocumented: Vec<_> = known.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(undocumented.is_empty(), "docs/settings.md lacks {undocumented:?}");
}

/// Names of settings in a file or folder, except tests and the table itself.
fn names(path: &Path, found: &mut BTreeSet<String>) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    if path.is_dir() {
        if name != "tests" && name != "target" {
            for entry in fs::read_dir(path).unwrap() {
                names(&entry.unwrap().path(), found);
            }
        }
        return;
    }
    let Ok(text) = fs::read_to_string(path) else { return };
    let text = if path.extension().is_some_and(|extension| extension == "rs") {
        text.split("#[cfg(test)]").next().unwrap()
    } else {
        &text
    };
    if name == "known.rs" {
        return;
    }
    for (at, _) in text.match_indices("NEXO_") {
        let rest = &text[at..];
        let end =
            rest.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        if !name.ends_with('_') {
            found.insert(name.to_owned());
        }
    }
}
