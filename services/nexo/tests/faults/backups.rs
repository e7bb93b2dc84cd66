//! `nexo db backup` when it is killed or out of disk space.

use std::{fs, process::Command, time::Duration};

use serde_json::Value;

use crate::site::Site;

/// A random duration up to `most`.
fn some_of(most: Duration) -> Duration {
    let random = u32::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..4].try_into().unwrap());
    most.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// Verifies that all listed backups are complete.
fn all_whole(site: &Site) -> usize {
    let listed = site.answer(&["backups"]);
    let whole = site.answer(&["verify", "--all"]);
    let (listed, whole) = (listed.as_array().unwrap(), whole.as_array().unwrap());
    assert_eq!(listed.len(), whole.len());
    assert!(whole.iter().all(|one| one["ok"] == Value::Bool(true)), "{whole:?}");
    listed.len()
}

#[tokio::test]
async fn killed_at_any_moment_it_leaves_whole_backups_or_none() {
    let site = Site::with(30_000).await;
    let begun = std::time::Instant::now();
    site.answer(&["backup", "first"]);
    let takes = begun.elapsed();
    let mut kept = 1;
    for _ in 0..20 {
        let mut running = site.nexo(&["backup", "killed"]).spawn().unwrap();
        tokio::time::sleep(some_of(takes)).await;
        running.kill().unwrap();
        running.wait().unwrap();
        let now = site.answer(&["backups"]).as_array().unwrap().len();
        assert!(now == kept || now == kept + 1);
        kept = now;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(all_whole(&site), kept);
    site.answer(&["backup", "last"]);
    let hidden = fs::read_dir(site.state.path().join("backups")).unwrap();
    let hidden =
        hidden.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "what the killed ones left is swept");
}

/// A file size limit stops the writer at the same places as a full disk, but needs no root.
#[tokio::test]
async fn a_disk_that_is_full_at_any_point_leaves_whole_backups_or_none() {
    let site = Site::with(20_000).await;
    let archive = site.answer(&["backup", "first"])["backup"]["archive"]["bytes"].as_u64().unwrap();
    let mut failed = 0;
    for part in 0..12 {
        let kilobytes = archive / 1024 * part / 10;
        let mut limited = Command::new("/bin/bash");
        site.furnish(&mut limited);
        limited.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "bash"]);
        limited.arg(kilobytes.to_string()).arg(env!("CARGO_BIN_EXE_nexo")).args(["db", "backup", "full"]);
        let done = limited.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        if !done.status.success() {
            failed += 1;
            assert_eq!(done.status.code(), Some(2), "{said}");
            assert!(said.contains("too large") || said.contains("No space"), "{said}");
        }
    }
    assert!(failed >= 9, "{failed}");
    assert!(all_whole(&site) >= 2, "with enough room it succeeds");
}

/// A password with quotes, blanks and percent signs.
#[tokio::test]
async fn a_password_is_in_no_argument_no_message_and_no_manifest() {
    let site = Site::with(60_000).await;
    let password = "p' \"%25\\$x; word";
    site.database.run(&format!("alter role nexo_backup password '{}'", password.replace('\'', "''"))).await;
    let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let superuser = site.database.superuser();
    let address =
        format!("postgres://nexo_backup:{encoded}@127.0.0.1:{}/nexo?sslmode=disable", superuser.get_port());
    let mut command = site.nexo(&["backup", "secret"]);
    // Files: a pipe that is not read until the end blocks the command once it is full.
    let (output, log) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    command.stdout(output.reopen().unwrap()).stderr(log.reopen().unwrap());
    let mut running = command.env("BACKUP_DATABASE_URL", &address).env("NEXO_LOG", "debug").spawn().unwrap();
    let (mut seen, mut children) = (Vec::new(), 0);
    while running.try_wait().unwrap().is_none() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if arguments.windows(7).any(|part| part == b"pg_dump") {
                children += 1;
                seen.extend(arguments);
            }
        }
    }
    let log = fs::read(log.path()).unwrap();
    assert!(running.wait().unwrap().success(), "{}", String::from_utf8_lossy(&log));
    assert!(children > 0, "the child was seen");
    seen.extend(fs::read(output.path()).unwrap());
    seen.extend(log);
    for backup in fs::read_dir(site.state.path().join("backups")).unwrap().flatten() {
        for file in fs::read_dir(backup.path()).into_iter().flatten().flatten() {
            seen.extend(fs::read(file.path()).unwrap());
        }
    }
    for secret in [password.as_bytes(), encoded.as_bytes(), b"%25\\$x"] {
        assert!(!seen.windows(secret.len()).any(|part| part == secret), "the password was seen");
    }
}

#[tokio::test]
async fn without_a_terminal_and_without_a_word_nothing_happens() {
    let site = Site::with(100).await;
    site.answer(&["backup", "first"]);
    let before: String =
        site.one("select md5(string_agg(datname, ',' order by datname)) from pg_database").await;
    for command in [
        ["restore", "latest"].as_slice(),
        &["restore", "latest", "--confirm", "another"],
        &["restore", "--undo"],
        &["reset"],
        &["rollback", "--to", "20260101_0000", "--reason", "x"],
    ] {
        let (code, said) = site.run(command);
        let impossible = said.contains("has no way back") || said.contains("nothing to undo");
        assert!(code == 4 || (code == 2 && impossible), "{command:?}: {code} {said}");
    }
    let after: String =
        site.one("select md5(string_agg(datname, ',' order by datname)) from pg_database").await;
    assert_eq!(before, after);
    assert_eq!(site.one::<i64>(crate::site::CLIENTS).await, 100);
    let kept: i64 =
        site.one("select count(*) from ops.operator_log where answer = 'refused' and card ? 'risk'").await;
    assert!(kept >= 3, "each is kept: {kept}");
}
