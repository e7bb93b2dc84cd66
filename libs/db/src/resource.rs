use crate::{Refusal, Related, SubjectKind, TenantTx};
use kernel::{Id, UserId};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Arguments as _, Encode, FromRow, Postgres, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
};
use utoipa::ToSchema;
use validator::Validate;

/// A kind of record that accounts keep: one struct, one table, one folder.
pub trait Resource:
    Serialize
    + DeserializeOwned
    + Validate
    + ToSchema
    + Clone
    + for<'r> FromRow<'r, PgRow>
    + Send
    + Sync
    + Unpin
    + 'static
{
    /// The word in permissions (`supplier:write`), events and messages.
    const NAME: &'static str;
    /// The table in schema `app`.
    const PLURAL: &'static str;
    /// The path under `/api/v1`, and the tag in the API document; words are joined by hyphens.
    const PATH: &'static str = Self::PLURAL;
    /// The first word of its events: `crm.supplier.changed`.
    const AREA: &'static str = "crm";
    /// The column that names the member to whom a record belongs; without one it belongs to whoever made it.
    const OWNER: &'static str = "created_by";
    /// The fields that `q=` looks through, as `ops.make_searchable` was told; none, if its table was not.
    const SEARCHED: &'static [&'static str] = &[];
    /// What its records refer to: for conditions such as `client.status[eq]:"active"`, and for `expand`. A new reference is
    /// to what is not in the trash and may be read by whoever writes; if it is not, that is as if `fk_<table>_<name>` had
    /// refused it.
    const RELATED: &'static [Related] = &[];
    /// What its records can be about, by columns `subject_type` and `subject_id`: each is in reach as far as its subject may
    /// be read. None, where they are about nothing.
    const SUBJECTS: &'static [SubjectKind] = &[];
    /// The columns that people write: what is stored, and what lists filter and sort by.
    const FIELDS: &'static [Field<Self>];
    /// The rules that can refuse a write; [`Infallible`](std::convert::Infallible) for none.
    type Refusal: Refusal;

    /// Makes `person` the owner of a new record that has none, where somebody may write only their own.
    fn own(&mut self, _person: UserId) {}

    /// Whether `after` may take the place of `before` (`None`: it is new). Pure, so a test needs no database.
    fn check(_before: Option<&Self>, _after: &Self) -> Result<(), Self::Refusal> {
        Ok(())
    }

    /// Looks at what records that are about to be written refer to, where no constraint can: one question for all of them.
    fn look_around(_tx: &mut TenantTx, _all: &[&Self]) -> impl Future<Output = crate::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Purges what is merely beside a record, such as notes about it, before the record itself. What refers to it by a
    /// foreign key is not beside it, and keeps it from being purged.
    fn take_along(_tx: &mut TenantTx, _id: Id<Self>) -> impl Future<Output = crate::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Takes what must be held while these are written, in one order for all of them: two batches then wait for each
    /// other, and not in a circle. Only where triggers take it as well, statement by statement.
    fn hold(_tx: &mut TenantTx, _all: &[&Self]) -> impl Future<Output = crate::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// What it means that the named constraint refused a write.
    fn constraint(_name: &str) -> Option<Self::Refusal> {
        None
    }
}

/// A column of `R`: its name, what it holds, and how to take its value out.
pub struct Field<R> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) put: fn(&R, &mut Row),
}

/// What a column holds, which tells how a filter or a cursor writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// An exact decimal, written as a string.
    Amount,
    /// An identity.
    Id,
    /// An instant, as RFC 3339 writes it.
    Instant,
    /// A day, as ISO 8601 writes it.
    Date,
    /// `true` or `false`.
    Boolean,
    /// Several texts. Lists neither filter nor sort by them.
    Texts,
    /// Something with parts. Lists neither filter nor sort by it.
    Json,
}

impl<R> Field<R> {
    /// The column `name`, which may be null, filled by `put`.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, put: fn(&R, &mut Row)) -> Self {
        Self { name, kind, required: false, put }
    }

    /// The column `name`, which is never null.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, put: fn(&R, &mut Row)) -> Self {
        Self { name, kind, required: true, put }
    }

    /// Its name, in SQL and JSON alike.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it is never null.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// What it holds.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

/// Values on their way into a statement.
pub struct Row(Result<PgArguments, BoxDynError>);

impl Default for Row {
    fn default() -> Self {
        Self(Ok(PgArguments::default()))
    }
}

impl Row {
    pub(crate) fn values(self) -> Result<PgArguments, sqlx::Error> {
        self.0.map_err(sqlx::Error::Encode)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, sqlx::Arguments::len)
    }

    /// Adds a value.
    pub fn put<'v>(&mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) {
        if let Ok(values) = &mut self.0
            && let Err(error) = values.add(value)
        {
            self.0 = Err(error);
        }
    }
}
