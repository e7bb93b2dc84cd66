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

/// A type of record that accounts store: one struct, one table, one module.
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
    /// Name in permissions (`supplier:write`), events and messages.
    const NAME: &'static str;
    /// Name of the table in schema `app`.
    const TABLE: &'static str;
    /// Path under `/api/v1`, and tag in the API document; words are joined by hyphens.
    const PATH: &'static str = Self::TABLE;
    /// First part of its event topics, as in `crm.supplier.changed`.
    const EVENT_PREFIX: &'static str = "crm";
    /// Column with the member who owns a record; by default its creator.
    const OWNER: &'static str = "created_by";
    /// Fields that `q=` searches, as passed to `ops.make_searchable`; empty if the table is not searchable.
    const SEARCH_FIELDS: &'static [&'static str] = &[];
    /// Relations to other records, for conditions such as `client.status[eq]:"active"` and for `expand`. New
    /// references must point to live records that the writer may read; otherwise the write fails like a violation
    /// of `fk_<table>_<name>`.
    const RELATIONS: &'static [Related] = &[];
    /// Kinds of subjects, by the columns `subject_type` and `subject_id`. A record is in scope only if its subject
    /// may be read. Empty for resources without a subject.
    const SUBJECTS: &'static [SubjectKind] = &[];
    /// Writable columns: stored, and available to filters and sort orders of lists.
    const FIELDS: &'static [Field<Self>];
    /// Domain rules that can refuse a write; [`Infallible`](std::convert::Infallible) if there are none.
    type Refusal: Refusal;

    /// Sets `person` as the owner of a new record without one, if the writer's scope is limited to own records.
    fn set_default_owner(&mut self, _person: UserId) {}

    /// Validates the transition from `before` (`None` for a new record) to `after`. Pure, so that tests need no
    /// database.
    fn check(_before: Option<&Self>, _after: &Self) -> Result<(), Self::Refusal> {
        Ok(())
    }

    /// Validates references that no constraint can check, with one query for the whole batch.
    fn validate_references(
        _tx: &mut TenantTx,
        _all: &[&Self],
    ) -> impl Future<Output = crate::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Purges dependents of a record, such as notes about it, before the record itself. Records that refer to it
    /// by a foreign key are no dependents, and prevent the purge.
    fn purge_dependents(_tx: &mut TenantTx, _id: Id<Self>) -> impl Future<Output = crate::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Locks what the batch needs in a fixed order, so that batches cannot deadlock. Needed only where triggers
    /// lock row by row.
    fn lock_for_write(_tx: &mut TenantTx, _all: &[&Self]) -> impl Future<Output = crate::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Maps a violated constraint, by its name, to a refusal of this resource.
    fn constraint(_name: &str) -> Option<Self::Refusal> {
        None
    }
}

/// A column of `R`: its name, its kind, and how to bind its value.
pub struct Field<R> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) put: fn(&R, &mut Bindings),
}

/// Kind of a column's values, which determines their form in filters and cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text of any length.
    Text,
    /// One of a fixed set of words.
    Choice(&'static [&'static str]),
    /// A whole number (64 bits).
    Integer,
    /// An exact decimal, written as a string.
    Amount,
    /// The identifier of a record.
    Id,
    /// A point in time, in RFC 3339 format.
    Instant,
    /// A calendar date, in ISO 8601 format.
    Date,
    /// A boolean: `true` or `false`.
    Boolean,
    /// A list of texts. Cannot be used in filters and sort orders.
    Texts,
    /// A JSON object or list. Cannot be used in filters and sort orders.
    Json,
}

impl<R> Field<R> {
    /// A nullable column `name`; `put` binds its value.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, put: fn(&R, &mut Bindings)) -> Self {
        Self { name, kind, required: false, put }
    }

    /// A column `name` that is never null.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, put: fn(&R, &mut Bindings)) -> Self {
        Self { name, kind, required: true, put }
    }

    /// Name of the column, in SQL and JSON alike.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the column is never null.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// Kind of the column's values.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

/// Parameter values of a statement.
pub struct Bindings(Result<PgArguments, BoxDynError>);

impl Default for Bindings {
    fn default() -> Self {
        Self(Ok(PgArguments::default()))
    }
}

impl Bindings {
    pub(crate) fn values(self) -> Result<PgArguments, sqlx::Error> {
        self.0.map_err(sqlx::Error::Encode)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, sqlx::Arguments::len)
    }

    /// Binds a value to the next placeholder.
    pub fn bind<'v>(&mut self, value: impl Encode<'v, Postgres> + Type<Postgres> + 'v) {
        if let Ok(values) = &mut self.0
            && let Err(error) = values.add(value)
        {
            self.0 = Err(error);
        }
    }
}
