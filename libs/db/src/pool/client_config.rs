use pg_client::{Config, Host, SslMode, TlsFile};
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};

/// Connection settings of the pool, from those of the service's URL.
pub(crate) fn client_config(options: &PgConnectOptions) -> Config {
    let url = options.to_url_lossy();
    let named = |wanted: &str| {
        let mut pairs = url.query_pairs();
        let (_, value) = pairs.find(|(name, _)| name == wanted)?;
        // How sqlx shows a file, and a PEM text.
        let value = value.strip_prefix("file: ").or(value.strip_prefix("pem: ")).unwrap_or(&value);
        Some(TlsFile::new(value.to_owned()))
    };
    let password = url.password().map(|text| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        decoded.into_owned().into()
    });
    Config {
        host: host(options),
        user: options.get_username().to_owned(),
        password,
        database: options.get_database().map(ToOwned::to_owned),
        application_name: options.get_application_name().map(ToOwned::to_owned),
        options: options.get_options().map(ToOwned::to_owned),
        ssl: ssl_mode(options.get_ssl_mode()),
        root_cert: named("sslrootcert"),
        client_cert: named("sslcert").zip(named("sslkey")),
    }
}

/// A host that is a path is the folder of a Unix socket, as in libpq.
fn host(options: &PgConnectOptions) -> Host {
    let port = options.get_port();
    let socket = options.get_socket().map(|path| path.join(format!(".s.PGSQL.{port}")));
    socket.map_or_else(|| Host::Tcp(options.get_host().to_owned(), port), Host::Unix)
}

fn ssl_mode(mode: PgSslMode) -> SslMode {
    match mode {
        PgSslMode::Disable | PgSslMode::Allow => SslMode::Disable,
        PgSslMode::Prefer => SslMode::Prefer,
        PgSslMode::Require => SslMode::Require,
        PgSslMode::VerifyCa => SslMode::VerifyCa,
        PgSslMode::VerifyFull => SslMode::VerifyFull,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_url_says_everything_that_a_connection_needs() {
        let url = "postgres://nexo%5Fapp:p%40ss%2Fword@db.example:6432/nexo?sslmode=verify-full&sslrootcert=/etc/ca.pem";
        let config = client_config(&PgConnectOptions::from_str(url).unwrap().application_name("nexo"));
        assert_eq!(config.host, Host::Tcp("db.example".to_owned(), 6432));
        assert_eq!((config.user.as_str(), config.database.as_deref()), ("nexo_app", Some("nexo")));
        assert_eq!(config.password.unwrap().expose_secret(), "p@ss/word");
        assert_eq!(
            (config.ssl, config.root_cert),
            (SslMode::VerifyFull, Some(TlsFile::new("/etc/ca.pem".to_owned())))
        );
        assert_eq!(config.application_name.as_deref(), Some("nexo"));
    }

    #[test]
    fn a_host_that_is_a_folder_has_a_unix_socket() {
        let url = "postgres://nexo_app@localhost/nexo?host=/run/postgresql&port=5433";
        let config = client_config(&PgConnectOptions::from_str(url).unwrap());
        assert_eq!(config.host, Host::Unix("/run/postgresql/.s.PGSQL.5433".into()));
    }
}
