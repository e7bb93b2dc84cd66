//! A RabbitMQ server for tests, which ends with the process, however that ends.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::OnceCell,
    time::{Instant, sleep},
};

use crate::ports::free_port;

/// Debian's script; the one in the `PATH` changes the user.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// Start timeout: it takes five seconds, and longer on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Starts the server and its epmd, and kills both at the end of input, like a power failure. The input ends on
/// request, or with this process. A server that finds no epmd starts one that would stay behind, so it waits for
/// ours.
const RUN: &str = r#"epmd -port "$ERL_EPMD_PORT" & names=$!
until epmd -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do sleep 0.05; done
/usr/lib/rabbitmq/bin/rabbitmq-server & server=$!
cat >/dev/null; kill -9 "$server" "$names""#;
/// Removes the folder at the end of input, after the server has ended.
const TIDY: &str = r#"cat >/dev/null; sleep 1; rm -rf "$1""#;

static SHARED: LazyLock<OnceCell<RabbitMq>> = LazyLock::new(OnceCell::new);

/// A running server.
#[derive(Debug)]
pub struct RabbitMq {
    folder: PathBuf,
    /// Ports of AMQP, of Erlang distribution, and of epmd.
    ports: [u16; 3],
    running: Option<Child>,
    _tidy: Child,
}

impl RabbitMq {
    /// Returns the server of this process. Tests share its exchange, and use distinct consumer names.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// Starts a separate server, for tests that kill it.
    pub async fn start() -> Self {
        assert!(
            Path::new(SERVER).exists(),
            "rabbitmq-server is not installed: run `make test`, or scripts/provision test"
        );
        let folder = tempfile::Builder::new().prefix("nexo-rabbitmq-").tempdir().unwrap().keep();
        let ports = [(); 3].map(|()| free_port());
        let settings = format!(
            "listeners.tcp.default = 127.0.0.1:{}\nlog.console = false\nlog.file.level = warning\ndisk_free_limit.absolute = 50MB\n",
            ports[0]
        );
        fs::write(folder.join("rabbitmq.conf"), settings).unwrap();
        fs::write(folder.join("plugins"), "[].").unwrap();
        let tidy = shell(TIDY).arg(&folder).spawn().unwrap();
        let mut server = Self { folder, ports, running: None, _tidy: tidy };
        server.start_again().await;
        server
    }

    /// Restarts a killed server with its data.
    pub async fn start_again(&mut self) {
        let [port, distribution, names] = self.ports;
        let at = |name: &str| self.folder.join(name);
        let child = shell(RUN)
            .env("HOME", &self.folder)
            .env("RUNNING_UNDER_SYSTEMD", "1") // no shell stays in between
            .env("RABBITMQ_NODENAME", format!("nexo{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("ERL_EPMD_PORT", names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_MNESIA_BASE", at("data"))
            .env("RABBITMQ_LOG_BASE", at("log"))
            .env("RABBITMQ_CONFIG_FILE", at("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+sbwt none +sbwtdcpu none +sbwtdio none")
            .spawn()
            .unwrap();
        self.running = Some(child);
        let end = Instant::now() + START_TIMEOUT;
        while !self.answers().await {
            assert!(Instant::now() < end, "RabbitMQ does not answer; see {}", self.folder.display());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the server has written its queues to disk. For some seconds, a new queue is in buffers of Mnesia's
    /// log and of the tables (`dets`) that hold the members of quorum queues. If the server is killed meanwhile, the queue
    /// is lost, or has no leader any more.
    pub async fn sync(&self) {
        let [port, _, names] = self.ports;
        let call = format!(
            "Call = fun(M, F, A) -> rpc:call('nexo{port}@localhost', M, F, A) end, ok = Call(mnesia, sync_log, []),
             [ok = Call(dets, sync, [T]) || T <- Call(dets, all, [])], halt(0)."
        );
        let ended = tokio::process::Command::new("erl")
            .args(["-noinput", "-sname", "sync@localhost", "-eval", &call])
            .env("HOME", &self.folder) // holds the cookie
            .env("ERL_EPMD_PORT", names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_CRASH_DUMP", "/dev/null")
            .status();
        assert!(ended.await.unwrap().success(), "RabbitMQ does not sync its log");
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        drop(running.stdin.take());
        running.wait().unwrap();
    }

    /// AMQP URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0])
    }

    async fn answers(&self) -> bool {
        let Ok(mut socket) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports[0])).await else {
            return false;
        };
        let mut word = [0_u8; 1];
        socket.write_all(b"AMQP\0\0\x09\x01").await.is_ok()
            && socket.read(&mut word).await.is_ok_and(|read| read == 1)
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "sh"]).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}
