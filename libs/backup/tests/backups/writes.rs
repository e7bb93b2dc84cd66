//! Backups under concurrent writes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use backup::{BackupRequest, VerificationLevel};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::Ground;

/// Every restored table must equal the snapshot, while rows are inserted, updated and deleted all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dumped_under_heavy_writes_is_what_the_manifest_counts() {
    let ground = Ground::filled().await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (superuser, stop, written) =
            (ground.database.superuser(), Arc::clone(&stop), Arc::clone(&written));
        writers.spawn(async move {
            let mut conn = PgConnection::connect_with(&superuser).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                conn.execute(
                    "insert into app.clients (account_id, id, name, created_by, updated_by) select account_id, gen_random_uuid(), 'New', account_id, account_id from app.accounts;
                     update app.clients set version = version + 1 where ctid in (select ctid from app.clients order by random() limit 5 for update skip locked);
                     delete from app.clients where ctid in (select ctid from app.clients order by random() limit 1 for update skip locked)",
                )
                .await
                .unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let config = ground.config();
    for round in 0..3 {
        let before = written.load(Ordering::Relaxed);
        let manifest = config
            .backup(&ground.reader(), &BackupRequest::new(&format!("busy-{round}"), "ana"))
            .await
            .unwrap();
        assert!(written.load(Ordering::Relaxed) > before, "there were writes meanwhile");
        let proof = config.verify(&manifest.name, VerificationLevel::Restored).await.unwrap();
        assert_eq!(proof.rows, manifest.rows());
    }
    stop.store(true, Ordering::Relaxed);
    writers.join_all().await;
}
