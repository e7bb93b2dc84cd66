//! Damage is detected before anything is restored.

use std::{fs, path::PathBuf};

use backup::{Error, Manifest, VerificationLevel};

use crate::support::{Ground, one};

fn file(ground: &Ground, manifest: &Manifest, name: &str) -> PathBuf {
    ground.folder.path().join("backups").join(manifest.name.as_str()).join(name)
}

/// Asserts that the restore is refused and no database was created.
async fn is_refused(ground: &Ground, manifest: &Manifest, how: &str) {
    let refused = ground.config().restore_beside(&manifest.name, &ground.migrator(), None).await;
    let refused = refused.err().unwrap_or_else(|| panic!("{how} was not seen"));
    assert!(matches!(refused, Error::Damaged { .. }), "{how}: {refused}");
    assert!(refused.to_string().contains("Nothing was run"), "{refused}");
}

async fn databases(ground: &Ground) -> i64 {
    let name = ground.database.superuser().get_database().unwrap().to_owned();
    one(
        &ground.database.superuser(),
        &format!("select count(*) from pg_database where starts_with(datname, '{name}')"),
    )
    .await
}

#[tokio::test]
async fn an_archive_that_was_cut_anywhere_is_refused() {
    let ground = Ground::filled().await;
    let manifest = ground.backup().await;
    let path = file(&ground, &manifest, "archive");
    let whole = fs::read(&path).unwrap();
    for percent in 0..100 {
        fs::write(&path, &whole[..whole.len() * percent / 100]).unwrap();
        is_refused(&ground, &manifest, &format!("a cut at {percent} %")).await;
    }
    assert_eq!(databases(&ground).await, 1);
    fs::write(&path, &whole).unwrap();
    ground.config().verify(&manifest.name, VerificationLevel::Archive).await.unwrap();
}

/// Flips one bit in each of the files in turn, 200 times, at random offsets.
#[tokio::test]
async fn one_flipped_bit_is_seen_wherever_it_is() {
    let ground = Ground::filled().await;
    let manifest = ground.backup().await;
    for at in 0..200 {
        let name = ["archive", "archive", "schema", "manifest.json", "catalogue.json"][at % 5];
        let path = file(&ground, &manifest, name);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let random = usize::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..8].try_into().unwrap());
        let bit = random % (whole.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &changed).unwrap();
        is_refused(&ground, &manifest, &format!("bit {bit} of {name}")).await;
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(databases(&ground).await, 1);
    ground.config().verify(&manifest.name, VerificationLevel::Archive).await.unwrap();
}

/// Without the key, a forged signature does not hide the change.
#[tokio::test]
async fn a_manifest_that_was_edited_with_its_hash_fixed_up_is_refused() {
    let ground = Ground::filled().await;
    let manifest = ground.backup().await;
    let path = file(&ground, &manifest, "manifest.json");
    let other = ground.with("NEXO_SECRET", "the secret of somebody who can write files").config();
    let theirs = other.backup(&ground.reader(), &backup::BackupRequest::new("other", "eve")).await.unwrap();
    let forged = fs::read_to_string(file(&ground, &theirs, "manifest.json")).unwrap();
    fs::write(&path, forged.replace(theirs.name.as_str(), manifest.name.as_str())).unwrap();
    is_refused(&ground, &manifest, "a manifest of another secret").await;
    let entry =
        ground.config().backups().unwrap().into_iter().find(|entry| entry.name == manifest.name).unwrap();
    assert_eq!(entry.standing, backup::BackupState::Failed);
    assert!(entry.failure.unwrap().contains("NEXO_SECRET"));
}

/// The archive of one backup with the manifest of another.
#[tokio::test]
async fn files_of_two_backups_do_not_make_one() {
    let ground = Ground::filled().await;
    let first = ground.backup().await;
    ground.database.run("delete from app.clients").await;
    let second =
        ground.config().backup(&ground.reader(), &backup::BackupRequest::new("second", "ana")).await.unwrap();
    for name in ["archive", "schema", "manifest.json", "catalogue.json"] {
        let kept = fs::read(file(&ground, &second, name)).unwrap();
        fs::copy(file(&ground, &first, name), file(&ground, &second, name)).unwrap();
        if !["schema", "catalogue.json"].contains(&name)
            || kept != fs::read(file(&ground, &first, name)).unwrap()
        {
            is_refused(&ground, &second, &format!("{name} of another backup")).await;
        }
        fs::write(file(&ground, &second, name), kept).unwrap();
    }
}

/// Simulates row security or a wrong option: a signed, complete dump without the clients.
#[tokio::test]
async fn a_dump_without_rows_passes_every_level_but_the_third() {
    let ground = Ground::filled().await;
    let programs = tempfile::tempdir().unwrap();
    let wanted = std::env::var_os("NEXO_POSTGRES_BIN").map(PathBuf::from);
    let real = pg_server::Binaries::find(wanted.as_deref()).unwrap();
    for name in ["postgres", "initdb", "pg_ctl", "pg_restore", "pg_dump"] {
        let more = if name == "pg_dump" { "--exclude-table-data=app.clients" } else { "" };
        let path = programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\nexec {} \"$@\" {more}\n", real.program(name).display()))
            .unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mistaken = ground.with("NEXO_POSTGRES_BIN", programs.path().to_str().unwrap()).config();
    let manifest =
        mistaken.backup(&ground.reader(), &backup::BackupRequest::new("empty", "ana")).await.unwrap();
    let config = ground.config();
    config.verify(&manifest.name, VerificationLevel::Hashes).await.unwrap();
    config.verify(&manifest.name, VerificationLevel::Archive).await.unwrap();
    let refused = config.verify(&manifest.name, VerificationLevel::Restored).await.unwrap_err().to_string();
    assert!(refused.contains("app.clients has 0 rows of 1200"), "{refused}");
    assert_eq!(config.backups().unwrap()[0].standing, backup::BackupState::Failed);
    config.verify(&manifest.name, VerificationLevel::Archive).await.unwrap();
    let standing = config.backups().unwrap()[0].standing;
    assert_eq!(standing, backup::BackupState::Failed, "what a restore has shown is not undone by reading it");
    let refused = config.restore_beside(&manifest.name, &ground.migrator(), None).await.err().unwrap();
    assert!(matches!(refused, Error::Differs { .. }), "{refused}");
    assert_eq!(databases(&ground).await, 1, "and what was made beside is gone");
}
