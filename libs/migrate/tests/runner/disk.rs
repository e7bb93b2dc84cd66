//! A full disk during a migration.

use std::{os::unix::fs::chown, path::Path, process::Command};

use nix::unistd::{User, geteuid};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::{TABLE, apply, database_of, files, one, own_cluster, refusal};

/// A file system of a few megabytes, unmounted on drop.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts it; `None` without root privileges.
    fn mount() -> Option<Self> {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("nexo-small-disk-").permissions(open).tempdir().unwrap();
        let mounted = geteuid().is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
                .arg(folder.path())
                .status()
                .unwrap()
                .success();
        mounted.then(|| Self(folder))
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.folder()).status().unwrap();
    }
}

/// Without the privilege to mount, a file size limit stops the server at the same point.
#[tokio::test]
async fn a_full_disk_leaves_nothing_and_the_next_try_succeeds() {
    let cluster = own_cluster(&[]).await;
    let (migrator, superuser) = database_of(&cluster).await;
    apply(&migrator, &files(&[TABLE])).await.unwrap();
    let disk = SmallDisk::mount();
    let mut place = "";
    if let Some(disk) = &disk {
        let postgres = User::from_name("postgres").unwrap().unwrap();
        let data = disk.folder().join("data");
        std::fs::create_dir(&data).unwrap();
        chown(&data, Some(postgres.uid.as_raw()), Some(postgres.gid.as_raw())).unwrap();
        let mut conn = PgConnection::connect_with(&superuser).await.unwrap();
        let make = format!("create tablespace small location '{}'", data.display());
        conn.execute(sqlx::AssertSqlSafe(make)).await.unwrap();
        conn.execute("grant create on tablespace small to nexo_migrator, nexo_owner").await.unwrap();
        place = "tablespace small";
    } else {
        limit_files(&cluster, "33554432");
    }
    let big = |rows: u32| {
        format!(
            "insert into app.things values (1);\ncreate table app.big (t text) {place};\ninsert into app.big select repeat('x', 1900) from generate_series(1, {rows});"
        )
    };
    let refused = refusal(&migrator, &files(&[TABLE, ("20260102_0000_big.sql", &big(30_000))])).await;
    assert!(refused.contains("statement 3") && refused.contains("could not extend file"), "{refused}");
    if disk.is_some() {
        assert!(refused.contains("No space left on device"), "{refused}");
    }
    assert_eq!(one::<i64>(&superuser, "select count(*) from app.things").await, 0);
    assert!(one::<bool>(&superuser, "select to_regclass('app.big') is null").await);
    apply(&migrator, &files(&[TABLE, ("20260102_0000_big.sql", &big(100))])).await.unwrap();
    cluster.stop().await.unwrap();
}

fn limit_files(cluster: &pg_server::Cluster, bytes: &str) {
    let pid = std::fs::read_to_string(cluster.folder().join("data/postmaster.pid")).unwrap();
    let limit = format!("--fsize={bytes}");
    let set = Command::new("prlimit").args(["--pid", pid.lines().next().unwrap(), &limit]).status().unwrap();
    assert!(set.success());
}
