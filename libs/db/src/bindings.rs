use sqlx::{Arguments as _, Encode, Postgres, Type, error::BoxDynError, postgres::PgArguments};

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

    /// Number of values that are bound.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, sqlx::Arguments::len)
    }

    /// Whether no value is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
