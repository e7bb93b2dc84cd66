//! A command whose output cannot be written fails.

use std::{fs::File, os::unix::fs::PermissionsExt as _, process::Command};

use crate::process::{Nexo, home};

/// Runs a shell line in which `$NEXO` is the program.
fn shell(state: &std::path::Path, line: &str) -> (i32, String) {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("set -o pipefail; {line}")]).env("NEXO", env!("CARGO_BIN_EXE_nexo"));
    command.env("NEXO_STATE_DIR", state).env("NEXO_LOG", "warn").env("NEXO_METRICS_LISTEN", "off");
    let done = command.output().unwrap();
    (done.status.code().unwrap_or(-1), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_written_is_a_failure() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    let state = home.path().join("state");
    assert!(File::options().write(true).open("/dev/full").is_ok(), "this machine has no /dev/full");
    for command in [
        "db status",
        "db status --json",
        "keys list",
        "account list",
        "completions bash",
        "--help",
        "--version",
    ] {
        for to in ["> /dev/full", ">&-"] {
            let (code, said) = shell(&state, &format!("$NEXO {command} {to}"));
            assert!(
                code == 2 && said.contains("the answer could not be written"),
                "{command} {to}: {code} {said}"
            );
        }
        let (code, said) = shell(&state, &format!("$NEXO {command} > /dev/null"));
        assert_eq!((code, said.as_str()), (0, ""), "{command}");
        let (code, said) = shell(&state, &format!("$NEXO {command} | head -c 1"));
        assert_eq!((code, said.as_str()), (0, ""), "{command} | head");
    }
    let kind = std::fs::metadata("/dev/full").unwrap().permissions().mode();
    assert_eq!(kind & 0o170_000, 0o020_000, "it is a device still");
    nexo.stop().await;
}
