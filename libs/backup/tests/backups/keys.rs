//! Encrypted backups.

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use backup::{BackupRequest, Error, VerificationLevel};

use crate::support::Ground;

#[tokio::test]
async fn each_recipient_can_decrypt_a_backup_and_no_other_key_can() {
    let ground = Ground::filled().await;
    let (one, two, stranger) = (Identity::generate(), Identity::generate(), Identity::generate());
    let recipients = format!("{},{}", one.to_public(), two.to_public());
    let sealed = ground.with("NEXO_BACKUP_RECIPIENTS", &recipients);
    let manifest =
        sealed.config().backup(&ground.reader(), &BackupRequest::new("sealed", "ana")).await.unwrap();
    assert_eq!(manifest.archive.recipients, [one.to_public().to_string(), two.to_public().to_string()]);
    let with = |identity: &Identity| {
        let text = format!("# a comment\n{}\n", identity.to_string().expose_secret());
        ground.with("NEXO_BACKUP_IDENTITY", &text).config()
    };
    for identity in [&one, &two] {
        with(identity).verify(&manifest.name, VerificationLevel::Restored).await.unwrap();
    }
    for config in [with(&stranger), ground.config()] {
        config.verify(&manifest.name, VerificationLevel::Hashes).await.unwrap();
        let refused = config.verify(&manifest.name, VerificationLevel::Archive).await.unwrap_err();
        assert!(matches!(refused, Error::NoKey { .. }), "{refused}");
        assert!(refused.to_string().contains(&one.to_public().to_string()), "{refused}");
        let refused = config.restore_beside(&manifest.name, &ground.migrator(), None).await.err().unwrap();
        assert!(matches!(refused, Error::NoKey { .. }), "{refused}");
    }
    let entry = &ground.config().backups().unwrap()[0];
    assert_eq!(entry.standing, backup::BackupState::Verified, "a missing key says nothing about the backup");
    let archive =
        std::fs::read(ground.folder.path().join("backups").join(manifest.name.as_str()).join("archive"))
            .unwrap();
    assert!(archive.starts_with(b"age-encryption.org/v1"));
}

#[test]
fn an_invalid_key_is_reported_with_its_setting() {
    let mut env = kernel::Env::from_values([
        ("NEXO_BACKUP_RECIPIENTS".to_owned(), "age1nonsense".to_owned()),
        ("NEXO_BACKUP_IDENTITY".to_owned(), "AGE-SECRET-KEY-1NONSENSE".to_owned()),
        ("NEXO_SECRET".to_owned(), "a secret for tests, and for nothing else".to_owned()),
    ]);
    let _ = backup::Config::read(&mut env);
    let told = env.finish().unwrap_err().to_string();
    assert!(told.contains("NEXO_BACKUP_RECIPIENTS") && told.contains("NEXO_BACKUP_IDENTITY"), "{told}");
    assert!(!told.contains("1NONSENSE"), "{told}");
}
