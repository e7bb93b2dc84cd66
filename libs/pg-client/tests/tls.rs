//! TLS by libpq's rules: what `sslmode` promises is kept.
#![expect(clippy::unwrap_used, reason = "a test should fail where it fails")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
    process::{Command, Stdio},
};

use pg_client::{Config, Connection, Error, Host, SslMode, TlsFile};
use pg_server::Cluster;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

/// Makes a certificate for `name`, readable by the server alone.
fn certificate(folder: &Path, name: &str) -> String {
    let [key, cert] = ["server.key", "server.crt"].map(|file| folder.join(file));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=test", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", &format!("subjectAltName={name}")])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let owner = fs::metadata(folder).unwrap();
    for file in [&key, &cert] {
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    fs::read_to_string(cert).unwrap()
}

/// A server with TLS, and its certificate.
async fn server(name: &str) -> (Cluster, String) {
    let cluster = testkit::ephemeral(&[]).await;
    let folder = cluster.folder().to_owned();
    let pem = certificate(&folder, name);
    let mut conn = cluster.superuser("postgres").connect().await.unwrap();
    for (setting, value) in [
        ("ssl_cert_file", folder.join("server.crt").display().to_string()),
        ("ssl_key_file", folder.join("server.key").display().to_string()),
        ("ssl", "on".to_owned()),
    ] {
        conn.execute(AssertSqlSafe(format!("alter system set {setting} = '{value}'"))).await.unwrap();
    }
    conn.execute("create role visitor login password 'open sesame'").await.unwrap();
    conn.execute("select pg_reload_conf()").await.unwrap();
    let wait = "do $$ begin for n in 1..100 loop exit when current_setting('ssl') = 'on'; perform pg_sleep(0.05); end loop; end $$";
    conn.execute(wait).await.unwrap();
    (cluster, pem)
}

/// Connects; returns whether the server says that the connection is encrypted.
async fn connect(cluster: &Cluster, ssl: SslMode, root: Option<&str>) -> Result<bool, Error> {
    let config = Config {
        host: Host::Tcp("127.0.0.1".to_owned(), cluster.port()),
        user: "visitor".to_owned(),
        password: Some("open sesame".to_owned().into()),
        database: Some("postgres".to_owned()),
        application_name: None,
        options: None,
        ssl,
        root_cert: root.map(|pem| TlsFile::new(pem.to_owned())),
        client_cert: None,
    };
    let mut connection = Connection::connect(&config).await?;
    let answers = connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").await?;
    let mut rows = answers.rows(0);
    let is_encrypted = rows.next().and_then(|row| row.value(0)) == Some(&[1]);
    drop(rows);
    connection.execute("select 1").await?;
    assert!(connection.is_usable(), "what TLS sends by itself is no answer");
    Ok(is_encrypted)
}

#[tokio::test]
async fn each_mode_verifies_what_it_says() {
    let (cluster, pem) = server("IP:127.0.0.1").await;
    for (ssl, root, wanted) in [
        (SslMode::Disable, None, Some(false)),
        (SslMode::Prefer, None, Some(true)),
        (SslMode::Require, None, Some(true)),
        (SslMode::VerifyCa, None, None),
        (SslMode::VerifyFull, None, None),
        (SslMode::VerifyCa, Some(&*pem), Some(true)),
        (SslMode::VerifyFull, Some(&*pem), Some(true)),
    ] {
        let got = connect(&cluster, ssl, root).await;
        assert_eq!(got.as_ref().ok().copied(), wanted, "{ssl:?}, {got:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused_by_verify_full_alone() {
    let (cluster, pem) = server("DNS:other.example").await;
    assert!(connect(&cluster, SslMode::VerifyCa, Some(&pem)).await.unwrap());
    let refused = connect(&cluster, SslMode::VerifyFull, Some(&pem)).await.unwrap_err();
    assert!(matches!(refused, Error::Io(_)), "{refused}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let cluster = testkit::ephemeral(&[]).await;
    for ssl in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        assert!(matches!(connect(&cluster, ssl, None).await, Err(Error::Tls(_))), "{ssl:?}");
    }
}
