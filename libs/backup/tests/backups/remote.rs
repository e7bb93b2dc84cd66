//! Remote store: a real S3-compatible server, started by the test.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use backup::{BackupRequest, BackupState, VerificationLevel};

use crate::support::Ground;

struct S3 {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl S3 {
    async fn start() -> Self {
        let port = testkit::free_port();
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../http-tests/node_modules/.bin/s3rver");
        let mut command = Command::new(program);
        command.args(["--address", "127.0.0.1", "--configure-bucket", "nexo", "--port", &port.to_string()]);
        command.arg("--directory").arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let s3 = Self { process: command.spawn().unwrap(), port, folder };
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        s3
    }

    fn ground(&self, ground: &Ground) -> Ground {
        let place = ground.folder.path().join("backups");
        ground
            .with("NEXO_BACKUP_STORES", &format!("{} s3://nexo/ours", place.display()))
            .with("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port))
            .with("AWS_ACCESS_KEY_ID", "S3RVER")
            .with("AWS_SECRET_ACCESS_KEY", "S3RVER")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_backup_is_in_both_stores_and_comes_back_from_the_far_one() {
    let (s3, ground) = (S3::start().await, Ground::filled().await);
    let config = s3.ground(&ground).config();
    let stored = config.backup(&ground.reader(), &BackupRequest::new("both", "ana")).await.unwrap();
    assert_eq!(stored.unsent, Vec::<String>::new());
    config.verify(&stored.name, VerificationLevel::Archive).await.unwrap();
    let entry = &config.backups_everywhere().await.unwrap()[0];
    assert_eq!(entry.places.len(), 2);
    std::fs::remove_dir_all(ground.folder.path().join("backups")).unwrap(); // simulates the loss of this machine
    let entry = &config.backups_everywhere().await.unwrap()[0];
    assert_eq!((entry.standing, entry.places.len()), (BackupState::Away, 1));
    let name = config.bring("latest").await.unwrap();
    assert_eq!(name, stored.name);
    assert_eq!(config.backups().unwrap()[0].standing, BackupState::Read, "what became of it is there too");
    let proof = config.verify(&name, VerificationLevel::Restored).await.unwrap();
    assert_eq!(proof.rows, stored.rows());
    assert!(s3.folder.path().join("nexo").exists());
}

#[tokio::test]
async fn a_store_that_does_not_answer_leaves_the_backup_here_and_says_so() {
    let ground = Ground::filled().await;
    let gone = S3::start().await.ground(&ground); // stopped at once
    let config = gone.with("AWS_SECRET_ACCESS_KEY", "a secret of the store").config();
    let stored = config.backup(&ground.reader(), &BackupRequest::new("here", "ana")).await.unwrap();
    assert!(stored.unsent[0].contains("s3://nexo/ours"), "{:?}", stored.unsent);
    assert!(!stored.unsent[0].contains("a secret"), "{:?}", stored.unsent);
    ground.config().verify(&stored.name, VerificationLevel::Archive).await.unwrap();
}
