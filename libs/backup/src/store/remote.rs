use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use futures::TryStreamExt as _;
use kernel::Env;
use object_store::{
    ObjectStore, ObjectStoreExt as _, RetryConfig, aws::AmazonS3Builder, buffered::BufWriter, path::Path,
};
use secrecy::ExposeSecret as _;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};

use super::{ARCHIVE, CATALOGUE, Local, MANIFEST, SCHEMA, STATUS};
use crate::{Error, Name, ProgressListener, Stage};

/// Bucket and prefix in an S3-compatible store. A backup exists once its manifest does, which is uploaded last.
#[derive(Clone)]
pub(crate) struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    address: String,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// Size of upload parts; S3 requires at least 5 MB.
const PART: usize = 16 << 20;

/// Total time for retries of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

impl Remote {
    /// Parses `s3://bucket/prefix`. Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and
    /// `AWS_ENDPOINT_URL`.
    pub(crate) fn parse(address: &str, env: &mut Env) -> Option<Self> {
        let (bucket, prefix) =
            address.strip_prefix("s3://")?.split_once('/').unwrap_or((address.strip_prefix("s3://")?, ""));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(env.string_or("AWS_REGION", "us-east-1"));
        builder = builder.with_retry(RetryConfig {
            max_retries: 4,
            retry_timeout: REQUEST_TIMEOUT,
            ..RetryConfig::default()
        });
        if let Some(endpoint) = env.optional("AWS_ENDPOINT_URL") {
            builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
        }
        if let Some(id) = env.optional("AWS_ACCESS_KEY_ID") {
            builder = builder.with_access_key_id(id);
        }
        if let Some(secret) = env.secret("AWS_SECRET_ACCESS_KEY") {
            builder = builder.with_secret_access_key(secret.expose_secret());
        }
        match builder.build() {
            Ok(store) => {
                Some(Self { store: Arc::new(store), prefix: Path::from(prefix), address: address.to_owned() })
            }
            Err(wrong) => {
                env.report("NEXO_BACKUP_STORES", format!("{address} cannot be used: {wrong}"));
                None
            }
        }
    }

    fn path(&self, name: &Name, file: &str) -> Path {
        self.prefix.clone().join(name.as_str()).join(file)
    }

    fn failed(&self, problem: impl fmt::Display) -> Error {
        Error::Remote { store: self.address.clone(), problem: problem.to_string() }
    }

    /// Uploads a backup to the store.
    pub(crate) async fn send(
        &self,
        local: &Local,
        name: &Name,
        watch: &ProgressListener,
    ) -> Result<(), Error> {
        for file in [ARCHIVE, SCHEMA, CATALOGUE, STATUS, MANIFEST] {
            let path = local.file(name, file);
            let mut from = File::open(&path).await.map_err(Error::file(&path))?;
            let length = from.metadata().await.map_err(Error::file(&path))?.len();
            let counter = watch.counter(Stage::Upload, length);
            let mut into = BufWriter::with_capacity(Arc::clone(&self.store), self.path(name, file), PART);
            let mut part = vec![0; 1 << 20];
            loop {
                let read = from.read(&mut part).await.map_err(Error::file(&path))?;
                if read == 0 {
                    break;
                }
                into.write_all(part.get(..read).unwrap_or_default())
                    .await
                    .map_err(|failed| self.failed(failed))?;
                counter.add(read as u64);
            }
            into.shutdown().await.map_err(|failed| self.failed(failed))?;
        }
        Ok(())
    }

    /// Uploads one file of a backup.
    pub(crate) async fn send_one(&self, name: &Name, file: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.store
            .put(&self.path(name, file), bytes.into())
            .await
            .map(drop)
            .map_err(|failed| self.failed(failed))
    }

    /// Names of the complete backups in the store.
    pub(crate) async fn names(&self) -> Result<BTreeSet<Name>, Error> {
        let objects: Vec<_> =
            self.store.list(Some(&self.prefix)).try_collect().await.map_err(|failed| self.failed(failed))?;
        let name = |path: &Path| {
            let parts: Vec<_> = path.parts().collect();
            let [.., name, file] = parts.as_slice() else { return None };
            name.as_ref().parse().ok().filter(|_| file.as_ref() == MANIFEST)
        };
        Ok(objects.iter().filter_map(|object| name(&object.location)).collect())
    }

    /// Downloads a backup to the local store.
    pub(crate) async fn fetch(&self, local: &Local, name: &Name) -> Result<(), Error> {
        let partial = local.begin(name)?;
        for file in [ARCHIVE, SCHEMA, CATALOGUE, STATUS, MANIFEST] {
            let got = self.store.get(&self.path(name, file)).await.map_err(|failed| self.failed(failed))?;
            let path = partial.file(file);
            let mut into = File::create_new(&path).await.map_err(Error::file(&path))?;
            let mut parts = got.into_stream();
            while let Some(part) = parts.try_next().await.map_err(|failed| self.failed(failed))? {
                into.write_all(&part).await.map_err(Error::file(&path))?;
            }
            into.sync_all().await.map_err(Error::file(&path))?;
        }
        match partial.keep() {
            Err(_) if local.names()?.contains(name) => Ok(()), // another process has fetched it meanwhile
            kept => kept,
        }
    }

    /// Deletes a backup from the store, its manifest first.
    pub(crate) async fn remove(&self, name: &Name) -> Result<(), Error> {
        for file in [MANIFEST, ARCHIVE, SCHEMA, CATALOGUE, STATUS] {
            match self.store.delete(&self.path(name, file)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(failed) => return Err(self.failed(failed)),
            }
        }
        Ok(())
    }
}
