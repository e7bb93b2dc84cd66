//! TLS by the rules of libpq's `sslmode`.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Config, Error, SslMode};

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Tls(error.into())
}

/// Negotiates TLS on a stream whose server has accepted an `SSLRequest`.
pub(crate) async fn handshake(
    stream: TcpStream,
    host: &str,
    config: &Config,
) -> Result<TlsStream<TcpStream>, Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(failed)?;
    let connector = TlsConnector::from(Arc::new(client_config(config).await?));
    Ok(connector.connect(name, stream).await?)
}

async fn client_config(config: &Config) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let verifier = verifier(config, provider).await?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let Some((cert, key)) = &config.client_cert else { return Ok(builder.with_no_client_auth()) };
    let chain =
        CertificateDer::pem_slice_iter(&cert.read().await?).collect::<Result<_, _>>().map_err(failed)?;
    let key = PrivateKeyDer::from_pem_slice(&key.read().await?).map_err(failed)?;
    builder.with_client_auth_cert(chain, key).map_err(failed)
}

async fn verifier(
    config: &Config,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    if !matches!(config.ssl, SslMode::VerifyCa | SslMode::VerifyFull) {
        return Ok(Arc::new(Unverified { provider, authority: None }));
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = &config.root_cert {
        for cert in CertificateDer::pem_slice_iter(&file.read().await?) {
            roots.add(cert.map_err(failed)?).map_err(failed)?;
        }
    }
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let verifier = verifier.map_err(failed)?;
    Ok(match config.ssl {
        SslMode::VerifyFull => verifier,
        _ => Arc::new(Unverified { provider, authority: Some(verifier) }),
    })
}

/// Verifier that checks signatures of the handshake, and at most the certificate's authority.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
