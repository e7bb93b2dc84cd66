//! A Redis server for tests, which ends with the process, however that ends.

use std::{
    net::Ipv4Addr,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::ports::free_port;

/// Start timeout: it takes milliseconds, and longer on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Kills the server at the end of input, like a power failure. The input ends on request, or with this process.
const RUN: &str = r#"redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no --daemonize no & server=$!
cat >/dev/null; kill -9 "$server""#;

/// A separate server on a free port, without persistence.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    running: Option<Child>,
}

impl Redis {
    /// Starts a server on a free port.
    pub async fn start() -> Self {
        let mut server = Self { port: free_port(), running: None };
        server.start_again().await;
        server
    }

    /// Restarts a killed server; it is empty.
    pub async fn start_again(&mut self) {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", RUN, "sh", &self.port.to_string()])
            .process_group(0)
            .current_dir(std::env::temp_dir());
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(shell.spawn().unwrap());
        let end = Instant::now() + START_TIMEOUT;
        while !self.answers().await {
            assert!(
                Instant::now() < end,
                "redis-server does not answer: is it installed? Run `make test`, or scripts/provision test"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        drop(running.stdin.take());
        running.wait().unwrap();
    }

    /// Redis URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Sends an inline command and returns the raw response.
    pub async fn say(&self, command: &str) -> Option<String> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.ok()?;
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.ok()?;
        let mut said = String::new();
        socket.read_to_string(&mut said).await.ok()?;
        Some(said)
    }

    async fn answers(&self) -> bool {
        self.say("PING").await.is_some_and(|said| said.starts_with("+PONG"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}
