use db::Bindings;

/// A column of `R`: its name, its kind, and how to bind its value.
pub struct Field<R> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) is_member: bool,
    pub(crate) transitions: Transitions,
    pub(crate) put: fn(&R, &mut Bindings),
}

/// Words of a state with those that may follow each.
pub type Transitions = &'static [(&'static str, &'static [&'static str])];

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

impl Kind {
    /// Whether filters and sort orders can use values of this kind.
    #[must_use]
    pub fn is_comparable(self) -> bool {
        !matches!(self, Self::Texts | Self::Json)
    }

    /// Name of the kind in the schema of an account.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice(_) => "choice",
            Self::Integer => "integer",
            Self::Amount => "amount",
            Self::Id => "id",
            Self::Instant => "instant",
            Self::Date => "date",
            Self::Boolean => "boolean",
            Self::Texts => "texts",
            Self::Json => "json",
        }
    }
}

impl<R> Field<R> {
    /// A nullable column `name`; `put` binds its value.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, put: fn(&R, &mut Bindings)) -> Self {
        Self { name, kind, required: false, is_member: false, transitions: &[], put }
    }

    /// A column `name` that is never null.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, put: fn(&R, &mut Bindings)) -> Self {
        Self { name, kind, required: true, is_member: false, transitions: &[], put }
    }

    /// A nullable column `name` with the id of a member of the account.
    #[must_use]
    pub const fn member(name: &'static str, put: fn(&R, &mut Bindings)) -> Self {
        Self { is_member: true, ..Self::new(name, Kind::Id, put) }
    }

    /// A column `name` that is one of `words`, and changes only along these transitions. The rules of the resource
    /// enforce them.
    #[must_use]
    pub const fn state(
        name: &'static str,
        words: &'static [&'static str],
        transitions: Transitions,
        put: fn(&R, &mut Bindings),
    ) -> Self {
        Self { transitions, ..Self::required(name, Kind::Choice(words), put) }
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

/// A field of a type of record.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSchema {
    /// Name of the column and of the JSON member.
    pub name: &'static str,
    /// Kind of the values.
    pub kind: Kind,
    /// Whether a record always has a value.
    pub required: bool,
    /// Whether it holds the id of a member of the account.
    pub is_member: bool,
    /// Words of a state with those that may follow each; empty where any may.
    pub transitions: Transitions,
}

impl FieldSchema {
    pub(crate) fn new(name: &'static str, kind: Kind, required: bool) -> Self {
        Self { name, kind, required, is_member: false, transitions: &[] }
    }

    pub(super) fn of<R>(field: &Field<R>) -> Self {
        let Field { name, kind, required, is_member, transitions, .. } = *field;
        Self { name, kind, required, is_member, transitions }
    }
}
