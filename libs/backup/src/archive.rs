//! Archive file of a backup: the dump, compressed (zstd), and encrypted (age) if recipients are configured.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use age::x25519;
use aws_lc_rs::digest;

use crate::{Archive, Error, Name, signed::hex, watch::Counter};

/// zstd's default level: a third of gzip's time, and smaller output.
const LEVEL: i32 = 3;
const BUFFER: usize = 1 << 20;

/// Counts and hashes the bytes that pass through.
struct HashingWriter<T> {
    inner: T,
    hash: digest::Context,
    bytes: u64,
}

impl<T> HashingWriter<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: digest::Context::new(&digest::SHA256), bytes: 0 }
    }

    fn took(&mut self, part: &[u8]) {
        self.hash.update(part);
        self.bytes += part.len() as u64;
    }

    fn finish(self) -> (T, u64, String) {
        (self.inner, self.bytes, hex(self.hash.finish().as_ref()))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(part)?;
        self.took(part.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for HashingWriter<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.took(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Packs all of `dump` into `path`; the file is synced to disk on return.
pub(crate) fn pack(
    mut dump: impl Read,
    path: &Path,
    recipients: &[x25519::Recipient],
    counter: &Counter,
) -> Result<Archive, Error> {
    let file =
        File::options().write(true).create_new(true).mode(0o600).open(path).map_err(Error::file(path))?;
    let out = HashingWriter::new(BufWriter::with_capacity(BUFFER, file));
    let (out, plain_bytes) = if recipients.is_empty() {
        compress(&mut dump, out, counter).map_err(Error::Stream)?
    } else {
        let all = recipients.iter().map(|one| one as &dyn age::Recipient);
        let encryptor =
            age::Encryptor::with_recipients(all).map_err(|_| Error::Key("NEXO_BACKUP_RECIPIENTS"))?;
        let sealed = encryptor.wrap_output(out).map_err(Error::Stream)?;
        let (sealed, plain_bytes) = compress(&mut dump, sealed, counter).map_err(Error::Stream)?;
        (sealed.finish().map_err(Error::Stream)?, plain_bytes)
    };
    let (buffered, bytes, sha256) = out.finish();
    let file = buffered.into_inner().map_err(|failed| Error::Stream(failed.into_error()))?;
    file.sync_all().map_err(Error::file(path))?;
    let recipients = recipients.iter().map(ToString::to_string).collect();
    Ok(Archive { bytes, sha256, plain_bytes, recipients })
}

fn compress<W: Write>(dump: &mut impl Read, out: W, counter: &Counter) -> io::Result<(W, u64)> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.include_checksum(true)?;
    let plain = counter.copy(dump, &mut encoder)?;
    Ok((encoder.finish()?, plain))
}

/// Reads the whole file and verifies its length and SHA-256 against the manifest.
pub(crate) fn intact(path: &Path, name: &Name, about: &Archive, counter: &Counter) -> Result<(), Error> {
    let file_name = path.file_name().unwrap_or_default().display();
    let damaged = |what: String| Error::Damaged { name: name.clone(), what };
    let unreadable = |failed: io::Error| damaged(format!("its {file_name}: {failed}"));
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length != about.bytes {
        return Err(damaged(format!("its {file_name} has {length} bytes of {}", about.bytes)));
    }
    let mut tally = HashingWriter::new(file);
    counter.copy(&mut tally, &mut io::sink()).map_err(unreadable)?;
    let (_, _, sha256) = tally.finish();
    if sha256 == about.sha256 {
        Ok(())
    } else {
        Err(damaged(format!("its {file_name} is not what was written: the SHA-256 differs")))
    }
}

/// Decrypts and decompresses `path` into `into`, and verifies the length.
pub(crate) fn unpack(
    path: &Path,
    name: &Name,
    about: &Archive,
    identities: &[x25519::Identity],
    into: &mut impl Write,
    counter: &Counter,
) -> Result<(), Error> {
    let damaged = |what: String| Error::Damaged { name: name.clone(), what };
    let broken = |failed: io::Error| damaged(format!("its archive cannot be unpacked: {failed}"));
    let file = BufReader::with_capacity(BUFFER, File::open(path).map_err(Error::file(path))?);
    let opened: Box<dyn Read> = if about.recipients.is_empty() {
        Box::new(file)
    } else {
        let no_key = || Error::NoKey { name: name.clone(), recipients: about.recipients.join(", ") };
        let decryptor = age::Decryptor::new(file).map_err(|failed| damaged(failed.to_string()))?;
        let all = identities.iter().map(|one| one as &dyn age::Identity);
        Box::new(decryptor.decrypt(all).map_err(|_| no_key())?)
    };
    let mut plain = Plain(zstd::Decoder::new(opened).map_err(broken)?);
    let length = counter.copy(&mut plain, into).map_err(|failed| match failed.get_ref() {
        Some(inner) if inner.is::<Corrupt>() => broken(failed),
        _ => Error::Stream(failed),
    })?;
    if length == about.plain_bytes {
        Ok(())
    } else {
        Err(damaged(format!("the dump inside has {length} bytes of {}", about.plain_bytes)))
    }
}

/// Reader that marks its own errors, to distinguish them from errors of the writer.
struct Plain<R>(R);

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Corrupt(io::Error);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|failed| io::Error::other(Corrupt(failed)))
    }
}
