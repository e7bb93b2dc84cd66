use db::Bindings;

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
