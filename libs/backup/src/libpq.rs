//! `pg_dump` and `pg_restore` as child processes. Credentials are passed in the environment, because arguments are
//! visible to all users.

use std::{
    ffi::OsStr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use percent_encoding::percent_decode_str;
use pg_server::Binaries;
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::Error;

/// Command for a program that connects with `options`.
pub(crate) fn program(binaries: &Binaries, name: &str, options: &PgConnectOptions) -> Command {
    client(binaries.program(name), name, options)
}

/// Command for any client program, with `name` as its application name. It inherits only the environment variables
/// that it needs to run.
pub fn client(path: impl AsRef<OsStr>, name: &str, options: &PgConnectOptions) -> Command {
    let mut command = Command::new(path);
    let kept = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];
    command.env_clear().envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("PGAPPNAME", name).env("PGCONNECT_TIMEOUT", "20");
    let host = options
        .get_socket()
        .map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
    command.env("PGHOST", host).env("PGPORT", options.get_port().to_string());
    command.env("PGUSER", options.get_username()).env("PGSSLMODE", ssl(options.get_ssl_mode()));
    if let Some(database) = options.get_database() {
        command.env("PGDATABASE", database);
    }
    let address = options.to_url_lossy();
    if let Some(password) = address.password() {
        command.env("PGPASSWORD", percent_decode_str(password).decode_utf8_lossy().as_ref());
    }
    if let Some((_, certificate)) = address.query_pairs().find(|(name, _)| name == "sslrootcert") {
        command.env("PGSSLROOTCERT", certificate.as_ref());
    }
    command
}

fn ssl(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// A child process that is killed on drop, and whose standard error is captured.
pub(crate) struct Running {
    child: Child,
    program: &'static str,
    said: Arc<Mutex<String>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

const MAX_STDERR_BYTES: usize = 4000;

impl Running {
    pub(crate) fn start(mut command: Command, program: &'static str) -> Result<Self, Error> {
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(Error::file(command.get_program()))?;
        let said = Arc::new(Mutex::new(String::new()));
        let listener = child.stderr.take().map(|stderr| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || listen(stderr, &said))
        });
        Ok(Self { child, program, said, listener })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the exit. Termination by a signal is a failure, whatever was written before.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let status = self.child.wait().map_err(Error::Stream)?;
        if let Some(listener) = self.listener.take() {
            let _ = listener.join(); // then the captured output is complete
        }
        let said = self.said.lock().map(|said| said.trim().to_owned()).unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let said = if said.is_empty() { status.to_string() } else { said };
        Err(Error::Program { program: self.program, said })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // mostly it has exited already
        let _ = self.child.wait();
    }
}

fn listen(stderr: std::process::ChildStderr, said: &Mutex<String>) {
    for line in std::io::BufRead::lines(std::io::BufReader::new(stderr)).map_while(Result::ok) {
        if let Ok(mut said) = said.lock()
            && said.len() < MAX_STDERR_BYTES
        {
            said.push_str(&line);
            said.push('\n');
        }
    }
}
