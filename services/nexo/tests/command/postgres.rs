//! The private PostgreSQL of `nexo up`: restarted after a crash, and independent of the umask.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};

use crate::process::{Nexo, home};

fn postmaster(home: &tempfile::TempDir) -> Pid {
    let file = fs::read_to_string(home.path().join("state/postgres/data/postmaster.pid")).unwrap();
    Pid::from_raw(file.lines().next().unwrap().trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_is_started_again_and_nothing_is_lost() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let token = nexo.register("ana@acme.test").await;
    for signal in [Signal::SIGKILL, Signal::SIGINT] {
        let was = postmaster(&home);
        kill(was, signal).unwrap();
        let start = Instant::now();
        loop {
            sleep(Duration::from_millis(200)).await;
            let answer = nexo.get_as(&token, "/api/v1/clients").await;
            if answer["data"].is_array() && postmaster(&home) != was {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{signal}: it does not come back: {answer}");
        }
        let (code, said) = Nexo::command(&home, &["db", "status"]);
        assert_eq!(code, 0, "{said}");
    }
    nexo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_started_again_ends_nexo_up_and_says_why() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let data = home.path().join("state/postgres/data");
    let was = postmaster(&home);
    fs::rename(data.join("global"), data.join("gone")).unwrap();
    kill(was, Signal::SIGKILL).unwrap();
    let code = nexo.ended(Duration::from_secs(180)).await;
    assert_eq!(code, Some(2));
}

/// With umask 077 (a hardened root), the folder must still be accessible to PostgreSQL's user. A folder that an earlier
/// release created too restrictively is repaired.
#[test]
fn a_narrow_umask_is_no_obstacle() {
    let home = home();
    let up = |state: &std::path::Path| {
        let line = "umask 077; timeout -s TERM 60 \"$NEXO\" up & child=$!; \
                    for i in $(seq 300); do [ -e \"$NEXO_STATE_DIR/postgres/data/PG_VERSION\" ] && break; sleep 0.1; done; \
                    kill -TERM $child; wait $child; ls \"$NEXO_STATE_DIR/postgres/data/PG_VERSION\"";
        let mut command = Command::new("bash");
        command.args(["-c", line]).env("NEXO", env!("CARGO_BIN_EXE_nexo")).env("NEXO_STATE_DIR", state);
        for name in ["NEXO_GATEWAY_LISTEN", "NEXO_AUTH_LISTEN", "NEXO_CRM_LISTEN", "NEXO_METRICS_LISTEN"] {
            command.env(name, "127.0.0.1:0");
        }
        let done = command.output().unwrap();
        (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let state = home.path().join("deep/below/state");
    let (done, said) = up(&state);
    assert!(done && !said.contains("cannot reach"), "{said}");
    let old = home.path().join("old");
    fs::create_dir(&old).unwrap();
    fs::write(old.join("lock"), "").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o700)).unwrap();
    let (done, said) = up(&old);
    assert!(done && !said.contains("cannot reach"), "{said}");
}
