//! Start of a connection: TLS, authentication, settings (PostgreSQL manual, 55.2.1).

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{self, ChannelBinding, ScramSha256},
    },
    message::{
        backend::{AuthenticationSaslBody, Message},
        frontend,
    },
};
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use crate::{Config, Connection, Error, Host, ServerError, SslMode, messages, stream::Stream, tls};

impl Connection {
    /// Connects and authenticates.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        connect(config).await
    }
}

async fn connect(config: &Config) -> Result<Connection, Error> {
    let mut start = Start { stream: open(config).await?, input: BytesMut::new(), out: BytesMut::new() };
    start.greet(config).await?;
    start.authenticate(config).await?;
    loop {
        match start.read().await? {
            Message::ReadyForQuery(_) => break,
            Message::ParameterStatus(_) | Message::BackendKeyData(_) | Message::NoticeResponse(_) => {}
            _ => return Err(UNEXPECTED),
        }
    }
    Ok(Connection::new(start.stream, start.input))
}

const UNEXPECTED: Error = Error::Protocol("an unexpected message at the start");

async fn open(config: &Config) -> Result<Stream, Error> {
    match &config.host {
        Host::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        Host::Tcp(host, port) => {
            let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            if config.ssl == SslMode::Disable || !offers_tls(&mut stream).await? {
                return match config.ssl {
                    SslMode::Disable | SslMode::Prefer => Ok(Stream::Tcp(stream)),
                    _ => Err(Error::Tls("the server does not offer it".into())),
                };
            }
            Ok(Stream::Tls(Box::new(tls::handshake(stream, host, config).await?)))
        }
    }
}

async fn offers_tls(stream: &mut TcpStream) -> Result<bool, Error> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request).await?;
    Ok(stream.read_u8().await? == b'S')
}

/// A connection that is not yet authenticated.
struct Start {
    stream: Stream,
    input: BytesMut,
    out: BytesMut,
}

impl Start {
    async fn greet(&mut self, config: &Config) -> Result<(), Error> {
        let named = [
            ("database", config.database.as_deref()),
            ("application_name", config.application_name.as_deref()),
            ("options", config.options.as_deref()),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let settings = [
            ("user", config.user.as_str()),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
        ];
        frontend::startup_message(settings.into_iter().chain(named), &mut self.out)?;
        self.flush().await
    }

    async fn authenticate(&mut self, config: &Config) -> Result<(), Error> {
        loop {
            let password = || match &config.password {
                Some(password) => Ok(password.expose_secret().as_bytes()),
                None => Err(Error::Protocol("the server asks for a password, and there is none")),
            };
            match self.read().await? {
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(password()?, &mut self.out)?;
                    self.flush().await?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(config.user.as_bytes(), password()?, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.out)?;
                    self.flush().await?;
                }
                Message::AuthenticationSasl(body) => self.scram(&body, password()?).await?,
                _ => return Err(UNEXPECTED),
            }
        }
    }

    /// SCRAM-SHA-256 (RFC 7677), without channel binding.
    async fn scram(&mut self, offered: &AuthenticationSaslBody, password: &[u8]) -> Result<(), Error> {
        let is_offered = offered.mechanisms().any(|mechanism| Ok(mechanism == sasl::SCRAM_SHA_256))?;
        if !is_offered {
            return Err(Error::Protocol("the server offers no way to authenticate that is supported"));
        }
        let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
        frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), &mut self.out)?;
        self.flush().await?;
        let Message::AuthenticationSaslContinue(body) = self.read().await? else { return Err(UNEXPECTED) };
        scram.update(body.data())?;
        frontend::sasl_response(scram.message(), &mut self.out)?;
        self.flush().await?;
        let Message::AuthenticationSaslFinal(body) = self.read().await? else { return Err(UNEXPECTED) };
        Ok(scram.finish(body.data())?)
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.stream.write_all(&self.out).await?;
        self.stream.flush().await?;
        self.out.clear();
        Ok(())
    }

    /// Reads a message; an error of the server is an error.
    async fn read(&mut self) -> Result<Message, Error> {
        loop {
            if let Some(error) = self.error() {
                return Err(Error::Server(Box::new(error)));
            }
            if let Some(message) = Message::parse(&mut self.input)? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// The error that comes next, if it has arrived.
    fn error(&self) -> Option<ServerError> {
        let first = messages::each(&self.input).next()?.ok()?;
        (first.tag == messages::ERROR_RESPONSE).then(|| messages::server_error(first.body))
    }
}
