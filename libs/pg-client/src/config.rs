use std::{fmt, path::PathBuf};

use secrecy::SecretString;

/// Where a server is, and how to authenticate.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the server.
    pub host: Host,
    /// Role to log in as.
    pub user: String,
    /// Password of the role.
    pub password: Option<SecretString>,
    /// Database; by default that of the role's name.
    pub database: Option<String>,
    /// Name that the server shows for the connection.
    pub application_name: Option<String>,
    /// Command-line options for the server, such as `-c search_path=app`.
    pub options: Option<String>,
    /// Whether to use TLS. Unix sockets never do.
    pub ssl: SslMode,
    /// Certificate authority to trust in addition to the public ones.
    pub root_cert: Option<TlsFile>,
    /// Certificate and key of the client.
    pub client_cert: Option<(TlsFile, TlsFile)>,
}

/// Address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Name or IP address, and port.
    Tcp(String, u16),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

/// Use of TLS, as libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// If the server offers it; certificates are not verified.
    Prefer,
    /// Always; certificates are not verified.
    Require,
    /// Always; the certificate must be signed by a trusted authority.
    VerifyCa,
    /// Always; the certificate must be signed by a trusted authority for this host.
    VerifyFull,
}

/// PEM text, or the path of a file with it.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFile(String);

/// Omits a PEM text, which may be a key.
impl fmt::Debug for TlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsFile").field(if self.is_pem() { &"PEM" } else { &self.0 }).finish()
    }
}

impl TlsFile {
    fn is_pem(&self) -> bool {
        self.0.trim_start().starts_with("-----BEGIN")
    }

    /// Takes a text that begins with `-----BEGIN` as PEM, and any other as a path.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Reads the PEM text.
    pub(crate) async fn read(&self) -> std::io::Result<Vec<u8>> {
        if self.is_pem() {
            return Ok(self.0.clone().into_bytes());
        }
        tokio::fs::read(&self.0).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", TlsFile::new("-----BEGIN PRIVATE KEY-----\nMII".to_owned()));
        assert_eq!(shown, "TlsFile(\"PEM\")");
        assert!(format!("{:?}", TlsFile::new("/etc/ca.pem".to_owned())).contains("/etc/ca.pem"));
    }
}
