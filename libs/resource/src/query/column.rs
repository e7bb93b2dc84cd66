//! Columns that lists may filter and sort by: a resource's own, the common ones, and those of related records.

use std::fmt;

use db::{AccessScope, HiddenFields};

use crate::{
    Related, Resource,
    model::{Column, find_column},
};

/// A column of the record itself, or of a related record: `client.billing_country`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    through: Option<(&'static Related, String)>,
    column: Column,
}

impl Path {
    pub(super) fn column(&self) -> Column {
        self.column
    }

    /// SQL of a condition on the column, for a `where` clause.
    pub(super) fn sql(&self, record: &str, condition: impl FnOnce(&str) -> String) -> String {
        match &self.through {
            None => condition(&format!("{record}.{}", self.column.name)),
            Some((related, reach)) => format!(
                "exists (select from app.{} related where related.account_id = $1 and related.id = {record}.{} \
                 and related.deleted_at is null{reach} and {})",
                related.access.table,
                related.column,
                condition(&format!("related.{}", self.column.name))
            ),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((related, _)) = &self.through {
            write!(f, "{}.", related.name)?;
        }
        f.write_str(self.column.name)
    }
}

/// Columns of a resource that the caller may name in a list.
pub(crate) struct Columns<'w> {
    find: fn(&str) -> Option<Column>,
    related: &'static [Related],
    hidden: &'w HiddenFields,
    scope: &'w AccessScope,
}

impl<'w> Columns<'w> {
    pub(crate) fn for_resource<R: Resource>(hidden: &'w HiddenFields, scope: &'w AccessScope) -> Self {
        Self { find: find_column::<R>, related: R::RELATIONS, hidden, scope }
    }

    /// Finds a visible column of the record itself.
    pub(crate) fn own(&self, name: &str) -> Option<Column> {
        (self.find)(name).filter(|_| !self.hidden.hide(name))
    }

    /// Finds a visible column of the record, or of a related record if the caller may also see the reference.
    pub(crate) fn path(&self, name: &str) -> Option<Path> {
        let Some((through, name)) = name.split_once('.') else {
            return Some(Path { through: None, column: self.own(name)? });
        };
        let visible = |related: &&Related| related.name == through && !self.hidden.hide(related.column);
        let related = self.related.iter().find(visible)?;
        let column =
            (related.find)(name).filter(|_| !self.scope.hidden_of(related.access.name).hide(name))?;
        let reach = self.scope.reading(&related.access)?;
        Some(Path { through: Some((related, reach)), column })
    }
}
