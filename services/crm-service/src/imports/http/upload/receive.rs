//! Receives the body of an upload in parts, stores them as UTF-8, and inspects the file.

use axum::body::Body;
use db::{Change, Json as Column, TenantCommand};
use encoding_rs::UTF_8;
use serde_json::json;
use uuid::Uuid;
use web::{
    Authorized, Created, Error, IdempotencyKey, IdempotencyOutcome, Idempotent, Redacted, Replayable, Result,
    Write,
};

use super::{
    body::{HashedBody, IncomingBody, limit},
    request::UploadRequest,
};
use crate::imports::{
    Imports,
    file::{
        csv::Position,
        encoding::{DetectedEncoding, EncodingScan, ToUtf8},
        inspect::{self, ImportFile, Survey},
        parts::{self, PART, RowReader},
        xlsx,
    },
    http::{
        params::UploadParams,
        read::{self, Import},
    },
    refusal::ImportRefusal,
};

/// Maximum size of an uploaded workbook in bytes.
const BOOK: usize = 16 * 1024 * 1024;

const BEGIN: TenantCommand = TenantCommand::new(
    "with abandoned as (
         delete from app.imports where account_id = $1 and status = 'receiving' and created_at < now() - interval '1 hour'
     )
     insert into app.imports (account_id, id, resource, file_name, created_by, updated_by) values ($1, $2, $3, $4, $5, $5)",
);
const FOUND: TenantCommand = TenantCommand::new(
    "update app.imports set status = 'uploaded', file = $3, updated_at = now() where account_id = $1 and id = $2",
);
const GIVE_UP: TenantCommand =
    TenantCommand::new("delete from app.imports where account_id = $1 and id = $2 and status = 'receiving'");

/// An upload that is being received.
pub(super) struct Receiver<'m> {
    auth: &'m Authorized<Write, Imports>,
    id: Uuid,
}

/// A file that was received completely.
struct ReceivedFile {
    parts: i64,
    encoding: Option<DetectedEncoding>,
    hash: Vec<u8>,
}

impl<'m> Receiver<'m> {
    /// Receives an upload as the import with this id.
    pub(super) fn new(auth: &'m Authorized<Write, Imports>, id: Uuid) -> Self {
        Self { auth, id }
    }

    pub(super) async fn receive(
        &self,
        order: &UploadRequest,
        sent: &UploadParams,
        key: Option<IdempotencyKey>,
        body: Body,
    ) -> Result<Replayable<Created<Redacted<Import>>>> {
        let mut tx = self.auth.begin().await?;
        let begin = tx
            .execute_untracked::<()>(BEGIN)
            .bind(self.id)
            .bind(order.target.schema().table())
            .bind(&sent.file_name);
        begin.bind(self.auth.who().user()).run().await?;
        tx.commit().await?;
        let arrived = if order.workbook {
            self.workbook(sent.sheet.clone(), body).await?
        } else {
            self.text(order, body).await?
        };
        let found = self.look(order, sent, &arrived).await?;
        self.end(order, sent, key, &arrived, found).await
    }

    /// Stores a text file as it arrives, then converts it to UTF-8.
    async fn text(&self, order: &UploadRequest, body: Body) -> Result<ReceivedFile> {
        let mut keeper = PartStore::new(self);
        let (mut glance, mut hash) = (EncodingScan::new(), HashedBody::new());
        let mut incoming = IncomingBody::new(body, limit());
        while let Some(part) = incoming.part().await? {
            glance.look(&part);
            hash.update(&part);
            keeper.keep(&part).await?;
        }
        let (writing, parts) = (glance.tell(order.encoding), keeper.parts);
        // Detected UTF-8 is known to be valid; if it was only requested, the conversion validates it.
        if writing.encoding != UTF_8 || writing.bom || order.encoding.is_some() {
            self.to_utf_8(writing, parts).await?;
        }
        Ok(ReceivedFile { parts, encoding: Some(writing), hash: hash.end() })
    }

    async fn to_utf_8(&self, writing: DetectedEncoding, parts: i64) -> Result<()> {
        let mut decoder = ToUtf8::new(writing);
        let mut keeper = PartStore::new(self);
        for part in 0..parts {
            let mut tx = self.auth.begin_read_only().await?;
            let bytes = parts::nth(&mut tx, self.id, part).await?.unwrap_or_default();
            drop(tx);
            let text = decoder.part(&bytes, part + 1 == parts).map_err(|_| ImportRefusal::Undecodable)?;
            keeper.keep(text.as_bytes()).await?;
        }
        Ok(())
    }

    /// Stores a sheet of a workbook as CSV.
    async fn workbook(&self, sheet: Option<String>, body: Body) -> Result<ReceivedFile> {
        let mut incoming = IncomingBody::new(body, BOOK);
        let (mut book, mut hash) = (Vec::new(), HashedBody::new());
        while let Some(part) = incoming.part().await? {
            hash.update(&part);
            book.extend(part);
        }
        let csv = tokio::task::spawn_blocking(move || xlsx::to_csv(&book, sheet.as_deref())).await;
        let csv = csv.map_err(|error| Error::Internal(error.into()))??;
        let mut keeper = PartStore::new(self);
        for part in csv.chunks(PART) {
            keeper.keep(part).await?;
        }
        Ok(ReceivedFile { parts: keeper.parts, encoding: None, hash: hash.end() })
    }

    /// Inspects the whole file once.
    async fn look(
        &self,
        order: &UploadRequest,
        sent: &UploadParams,
        arrived: &ReceivedFile,
    ) -> Result<ImportFile> {
        let mut tx = self.auth.begin_read_only().await?;
        let head = parts::nth(&mut tx, self.id, 0).await?.unwrap_or_default();
        drop(tx);
        let delimiter = match (order.workbook, order.delimiter) {
            (true, _) => b',',
            (false, Some(said)) => said,
            (false, None) => inspect::delimiter(&head),
        };
        let mut survey = Survey::default();
        let mut lines = RowReader::from(self.id, delimiter, Position::START);
        loop {
            let mut tx = self.auth.begin_read_only().await?;
            let some = lines.next(&mut tx, 5_000).await?;
            drop(tx);
            if some.is_empty() {
                break;
            }
            some.into_iter().try_for_each(|line| survey.look(line))?;
        }
        let mut found = survey.end(sent.header, &order.target)?;
        found.delimiter = Some(char::from(delimiter));
        if let Some(DetectedEncoding { encoding, bom }) = arrived.encoding {
            (found.encoding, found.bom) = (Some(encoding.name().to_owned()), bom);
        }
        Ok(found)
    }

    /// Completes the upload and creates the import.
    async fn end(
        &self,
        order: &UploadRequest,
        sent: &UploadParams,
        key: Option<IdempotencyKey>,
        arrived: &ReceivedFile,
        found: ImportFile,
    ) -> Result<Replayable<Created<Redacted<Import>>>> {
        let idempotent = Idempotent::new(key, &(sent, &arrived.hash))?;
        let mut tx = match idempotent.begin(self.auth.begin().await?).await? {
            IdempotencyOutcome::New(tx) => tx,
            IdempotencyOutcome::Replay(before) => {
                self.give_up().await?;
                return Ok(before);
            }
        };
        let noted = json!({ "resource": order.target.schema().table(), "file_name": sent.file_name, "rows": found.rows });
        let change = Change::new("crm.import.created", "import", self.id, "created").with(noted);
        tx.execute_audited::<()>(FOUND, change).bind(self.id).bind(Column(&found)).run().await?;
        let import = read::find(&mut tx, self.auth, self.id).await?;
        tracing::info!(import.id = %self.id, rows = found.rows, parts = arrived.parts, "a file was taken in");
        idempotent.answer(tx, Created(format!("/api/v1/imports/{}", self.id), self.auth.shown(import)?)).await
    }

    /// Deletes everything stored of a rejected file.
    pub(super) async fn give_up(&self) -> Result<()> {
        let mut tx = self.auth.begin().await?;
        tx.execute_untracked::<()>(GIVE_UP).bind(self.id).run().await?;
        Ok(tx.commit().await?)
    }
}

/// Stores parts, each in its own transaction, so that a slow sender holds none open.
struct PartStore<'r> {
    receiver: &'r Receiver<'r>,
    parts: i64,
    bytes: i64,
}

impl<'r> PartStore<'r> {
    fn new(receiver: &'r Receiver<'r>) -> Self {
        Self { receiver, parts: 0, bytes: 0 }
    }

    async fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        let mut tx = self.receiver.auth.begin().await?;
        parts::keep(&mut tx, self.receiver.id, self.parts, self.bytes, bytes).await?;
        tx.commit().await?;
        self.parts += 1;
        self.bytes += i64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }
}
