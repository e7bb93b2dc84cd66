//! What a type of record decides by itself: the part of a resource that is code.

use std::{marker::PhantomData, pin::Pin};

use db::{Bindings, Error, Result, SqlError, TenantTx};
use kernel::{Id, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::{Resource, StoredRecord, Values};

/// Future of a method of a trait object.
pub(crate) type Answer<'t, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 't>>;

/// The rules of a type of record, as an object. Their meaning is that of the methods of [`Resource`].
pub(crate) trait Rules: Send + Sync {
    /// Deserializes and validates a whole record.
    fn parse(&self, record: Value) -> web::Result<Values>;
    /// Deserializes a record that was stored, without validation.
    fn read_stored(&self, record: Value) -> Result<Values>;
    /// Binds the values in the order of the fields.
    fn bind(&self, values: &Values, bindings: &mut Bindings) -> Result<()>;
    fn set_default_owner(&self, values: &Values, person: UserId) -> Result<Values>;
    fn check(&self, before: Option<&StoredRecord>, after: &Values) -> Result<()>;
    fn validate_references<'t>(&self, tx: &'t mut TenantTx, all: &'t [&'t Values]) -> Answer<'t, ()>;
    fn lock_for_write<'t>(&self, tx: &'t mut TenantTx, all: &'t [&'t Values]) -> Answer<'t, ()>;
    fn purge_dependents<'t>(&self, tx: &'t mut TenantTx, id: Uuid) -> Answer<'t, ()>;
    fn constraint(&self, name: &str) -> Option<Error>;
}

/// The rules of `R`.
pub(super) struct Typed<R>(PhantomData<fn() -> R>);

impl<R: Resource> Typed<R> {
    pub(super) const RULES: &'static dyn Rules = &Self(PhantomData);
}

fn all_typed<'v, R: Resource>(all: &[&'v Values]) -> Result<Vec<&'v R>> {
    all.iter().map(|values| values.typed()).collect()
}

impl<R: Resource> Rules for Typed<R> {
    fn read_stored(&self, record: Value) -> Result<Values> {
        let read = serde_json::from_value::<R>(record);
        read.map(Values::new).map_err(|error| Error::Sql(SqlError::Encode(error.to_string())))
    }

    fn parse(&self, record: Value) -> web::Result<Values> {
        Ok(Values::new(web::parse_json::<R>(record)?))
    }

    fn bind(&self, values: &Values, bindings: &mut Bindings) -> Result<()> {
        let value: &R = values.typed()?;
        for field in R::FIELDS {
            (field.put)(value, bindings);
        }
        Ok(())
    }

    fn set_default_owner(&self, values: &Values, person: UserId) -> Result<Values> {
        values.changed::<R>(|value| value.set_default_owner(person))
    }

    fn check(&self, before: Option<&StoredRecord>, after: &Values) -> Result<()> {
        let before = before.map(StoredRecord::data::<R>).transpose()?;
        Ok(R::check(before.as_ref(), after.typed()?)?)
    }

    fn validate_references<'t>(&self, tx: &'t mut TenantTx, all: &'t [&'t Values]) -> Answer<'t, ()> {
        Box::pin(async move { R::validate_references(tx, &all_typed(all)?).await })
    }

    fn lock_for_write<'t>(&self, tx: &'t mut TenantTx, all: &'t [&'t Values]) -> Answer<'t, ()> {
        Box::pin(async move { R::lock_for_write(tx, &all_typed(all)?).await })
    }

    fn purge_dependents<'t>(&self, tx: &'t mut TenantTx, id: Uuid) -> Answer<'t, ()> {
        Box::pin(R::purge_dependents(tx, Id::from(id)))
    }

    fn constraint(&self, name: &str) -> Option<Error> {
        R::constraint(name).map(Error::from)
    }
}
