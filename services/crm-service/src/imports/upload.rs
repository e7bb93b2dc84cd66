//! Takes a file in: part by part as it arrives, whoever is slow.

use aws_lc_rs::digest;
use axum::body::Body;
use db::{Change, ScopedWrite};
use encoding_rs::{Encoding, UTF_8};
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use serde_json::json;
use sqlx::types::Json as Column;
use uuid::Uuid;
use web::{
    Answered, Begun, Created, Error, IdempotencyKey, May, MediaTypes, Once, Query, Result, Shown, Upload,
    Write,
};

use super::{
    Imports,
    decode::{Glance, ToUtf8, Writing},
    file::{self, Lines, PART},
    query::Sent,
    refusal::ImportRefusal,
    registry::Target,
    show::{self, Import},
    survey::{self, FileFound, Survey},
    table::Place,
    xlsx,
};

/// What a workbook may come to, packed.
const BOOK: usize = 16 * 1024 * 1024;

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// What a file may be.
const FILES: MediaTypes = MediaTypes {
    code: "import-media-type",
    names: &["text/csv", WORKBOOK, "text/plain", "text/tab-separated-values", "application/csv"],
    is_patch: false,
};

const BEGIN: ScopedWrite = ScopedWrite::new(
    "with abandoned as (
         delete from app.imports where account_id = $1 and status = 'receiving' and created_at < now() - interval '1 hour'
     )
     insert into app.imports (account_id, id, resource, file_name, created_by, updated_by) values ($1, $2, $3, $4, $5, $5)",
);
const FOUND: ScopedWrite = ScopedWrite::new(
    "update app.imports set status = 'uploaded', file = $3, updated_at = now() where account_id = $1 and id = $2",
);
const GIVE_UP: ScopedWrite =
    ScopedWrite::new("delete from app.imports where account_id = $1 and id = $2 and status = 'receiving'");

/// Send a file.
///
/// The body is the file, as `text/csv` (up to 64 MiB) or as an XLSX workbook (up to 16 MiB).
#[utoipa::path(
    post,
    path = "/api/v1/imports",
    params(Sent, IdempotencyKey),
    tag = "imports",
    request_body(content_type = "text/csv")
)]
pub(crate) async fn upload_import(
    may: May<Write, Imports>,
    key: Option<IdempotencyKey>,
    Query(sent): Query<Sent>,
    headers: HeaderMap,
    body: Body,
) -> Result<Answered<Created<Shown<Import>>>> {
    let order = Order::of(&sent, &headers)?;
    if !may.who().permissions().allow(order.target.name, "write") {
        return Err(Error::Forbidden(format!("{}:write", order.target.name)));
    }
    let receiver = Receiver { may: &may, id: Uuid::now_v7() };
    match receiver.receive(&order, &sent, key, body).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            receiver.give_up().await?;
            Err(error)
        }
    }
}

/// What was asked for, understood.
struct Order {
    target: &'static Target,
    encoding: Option<&'static Encoding>,
    delimiter: Option<u8>,
    workbook: bool,
}

impl Order {
    fn of(sent: &Sent, headers: &HeaderMap) -> Result<Self> {
        let target = Target::of_plural(&sent.resource).ok_or(ImportRefusal::UnknownResource)?;
        if !(1..=255).contains(&sent.file_name.chars().count())
            || sent.file_name.chars().any(char::is_control)
        {
            return Err(Error::invalid("/file_name", "length", "must be one line of 1 to 255 characters"));
        }
        let encoding = sent
            .encoding
            .as_deref()
            .map(|name| Encoding::for_label(name.as_bytes()).ok_or(ImportRefusal::UnknownEncoding));
        let delimiter = match sent.delimiter.as_deref() {
            None => None,
            Some("," | "comma") => Some(b','),
            Some(";" | "semicolon") => Some(b';'),
            Some("|" | "pipe") => Some(b'|'),
            Some("\t" | "tab") => Some(b'\t'),
            Some(_) => return Err(Error::invalid("/delimiter", "enum", "must be one of , ; | tab")),
        };
        let workbook = FILES.announced(headers)? == WORKBOOK;
        Ok(Self { target, encoding: encoding.transpose()?, delimiter, workbook })
    }
}

/// A file on its way in.
struct Receiver<'m> {
    may: &'m May<Write, Imports>,
    id: Uuid,
}

/// What has arrived.
struct Arrived {
    parts: i64,
    encoding: Option<Writing>,
    hash: Vec<u8>,
}

impl Receiver<'_> {
    async fn receive(
        &self,
        order: &Order,
        sent: &Sent,
        key: Option<IdempotencyKey>,
        body: Body,
    ) -> Result<Answered<Created<Shown<Import>>>> {
        let mut tx = self.may.begin().await?;
        let begin =
            tx.write_unnoted::<()>(BEGIN).bind(self.id).bind(order.target.plural).bind(&sent.file_name);
        begin.bind(self.may.who().user()).run().await?;
        tx.commit().await?;
        let arrived = if order.workbook {
            self.workbook(sent.sheet.clone(), body).await?
        } else {
            self.text(order, body).await?
        };
        let found = self.look(order, sent, &arrived).await?;
        self.end(order, sent, key, &arrived, found).await
    }

    /// Keeps a text as it arrives, and then as UTF-8.
    async fn text(&self, order: &Order, body: Body) -> Result<Arrived> {
        let mut keeper = Keeper { receiver: self, parts: 0, bytes: 0 };
        let (mut glance, mut hash) = (Glance::new(), Hash::new());
        let mut incoming = Incoming { body, left: limit() };
        while let Some(part) = incoming.part().await? {
            glance.look(&part);
            hash.update(&part);
            keeper.keep(&part).await?;
        }
        let (writing, parts) = (glance.tell(order.encoding), keeper.parts);
        // What is UTF-8 was found to be it, unless somebody only says so.
        if writing.encoding != UTF_8 || writing.bom || order.encoding.is_some() {
            self.to_utf_8(writing, parts).await?;
        }
        Ok(Arrived { parts, encoding: Some(writing), hash: hash.end() })
    }

    async fn to_utf_8(&self, writing: Writing, parts: i64) -> Result<()> {
        let mut decoder = ToUtf8::new(writing);
        let mut keeper = Keeper { receiver: self, parts: 0, bytes: 0 };
        for part in 0..parts {
            let mut tx = self.may.begin_reading().await?;
            let bytes = file::nth(&mut tx, self.id, part).await?.unwrap_or_default();
            drop(tx);
            let text = decoder.part(&bytes, part + 1 == parts).map_err(|_| ImportRefusal::Undecodable)?;
            keeper.keep(text.as_bytes()).await?;
        }
        Ok(())
    }

    /// Keeps the sheet of a workbook as the text that it comes to.
    async fn workbook(&self, sheet: Option<String>, body: Body) -> Result<Arrived> {
        let mut incoming = Incoming { body, left: BOOK };
        let (mut book, mut hash) = (Vec::new(), Hash::new());
        while let Some(part) = incoming.part().await? {
            hash.update(&part);
            book.extend(part);
        }
        let csv = tokio::task::spawn_blocking(move || xlsx::to_csv(&book, sheet.as_deref())).await;
        let csv = csv.map_err(|error| Error::Internal(error.into()))??;
        let mut keeper = Keeper { receiver: self, parts: 0, bytes: 0 };
        for part in csv.chunks(PART) {
            keeper.keep(part).await?;
        }
        Ok(Arrived { parts: keeper.parts, encoding: None, hash: hash.end() })
    }

    /// Reads all of it once.
    async fn look(&self, order: &Order, sent: &Sent, arrived: &Arrived) -> Result<FileFound> {
        let mut tx = self.may.begin_reading().await?;
        let head = file::nth(&mut tx, self.id, 0).await?.unwrap_or_default();
        drop(tx);
        let delimiter = match (order.workbook, order.delimiter) {
            (true, _) => b',',
            (false, Some(said)) => said,
            (false, None) => survey::delimiter(&head),
        };
        let mut survey = Survey::default();
        let mut lines = Lines::from(self.id, delimiter, Place::START);
        loop {
            let mut tx = self.may.begin_reading().await?;
            let some = lines.next(&mut tx, 5_000).await?;
            drop(tx);
            if some.is_empty() {
                break;
            }
            some.into_iter().try_for_each(|line| survey.look(line))?;
        }
        let mut found = survey.end(sent.header, order.target)?;
        found.delimiter = Some(char::from(delimiter));
        if let Some(Writing { encoding, bom }) = arrived.encoding {
            (found.encoding, found.bom) = (Some(encoding.name().to_owned()), bom);
        }
        Ok(found)
    }

    /// All is well: the import is there.
    async fn end(
        &self,
        order: &Order,
        sent: &Sent,
        key: Option<IdempotencyKey>,
        arrived: &Arrived,
        found: FileFound,
    ) -> Result<Answered<Created<Shown<Import>>>> {
        let once = Once::of(key, &(sent, &arrived.hash))?;
        let mut tx = match once.begin(self.may.begin().await?).await? {
            Begun::First(tx) => tx,
            Begun::Again(before) => {
                self.give_up().await?;
                return Ok(before);
            }
        };
        let noted =
            json!({ "resource": order.target.plural, "file_name": sent.file_name, "rows": found.rows });
        let change = Change::new("crm.import.created", "import", self.id, "created").with(noted);
        tx.write_noted::<()>(FOUND, change).bind(self.id).bind(Column(&found)).run().await?;
        let import = show::find(&mut tx, self.may, self.id).await?;
        tracing::info!(import.id = %self.id, rows = found.rows, parts = arrived.parts, "a file was taken in");
        once.answer(tx, Created(format!("/api/v1/imports/{}", self.id), self.may.shown(import)?)).await
    }

    /// Nothing stays of what is no file of ours.
    async fn give_up(&self) -> Result<()> {
        let mut tx = self.may.begin().await?;
        tx.write_unnoted::<()>(GIVE_UP).bind(self.id).run().await?;
        Ok(tx.commit().await?)
    }
}

/// Keeps parts, each in a transaction of its own: a slow sender holds none open.
struct Keeper<'r> {
    receiver: &'r Receiver<'r>,
    parts: i64,
    bytes: i64,
}

impl Keeper<'_> {
    async fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        let mut tx = self.receiver.may.begin().await?;
        file::keep(&mut tx, self.receiver.id, self.parts, self.bytes, bytes).await?;
        tx.commit().await?;
        self.parts += 1;
        self.bytes += i64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }
}

fn limit() -> usize {
    Upload::of(&Method::POST, "/api/v1/imports").map_or(PART, |upload| upload.limit)
}

/// A body, in parts of one size.
struct Incoming {
    body: Body,
    left: usize,
}

impl Incoming {
    async fn part(&mut self) -> Result<Option<Vec<u8>>> {
        let mut part = Vec::with_capacity(PART);
        while part.len() < PART {
            let Some(frame) = self.body.frame().await else { break };
            let frame = frame.map_err(|error| Error::of_body(&error))?;
            let Ok(bytes) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| Error::TooLarge(limit()))?;
            part.extend_from_slice(&bytes);
        }
        Ok((!part.is_empty()).then_some(part))
    }
}

/// SHA-256 of what has come in.
struct Hash(digest::Context);

impl Hash {
    fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn end(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}
