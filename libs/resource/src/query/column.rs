//! Columns that lists may filter and sort by: a resource's own, the common ones, and those of related records.

use std::{fmt, sync::Arc};

use db::{AccessScope, HiddenFields, ME};

use crate::{FieldSchema, Related, Schema};

/// A column of the record itself, or of a related record: `client.billing_country`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    through: Option<(Related, String)>,
    field: Arc<FieldSchema>,
}

impl Path {
    pub(super) fn field(&self) -> &FieldSchema {
        &self.field
    }

    /// SQL of a condition on the column, for a `where` clause.
    pub(super) fn sql(&self, record: &str, condition: impl FnOnce(&str) -> String) -> String {
        match &self.through {
            None => condition(&format!("{record}.{}", self.field.name)),
            Some((related, reach)) => format!(
                "exists (select from app.{} related where related.account_id = $1 and related.id = {record}.{} \
                 and related.deleted_at is null{reach} and {})",
                related.access.table,
                related.column,
                condition(&format!("related.{}", self.field.name))
            ),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((related, _)) = &self.through {
            write!(f, "{}.", related.name)?;
        }
        f.write_str(self.field.name)
    }
}

/// A reference that leads to a related record.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) related: Related,
    /// SQL condition (` and …`) that the related record may be read.
    pub(crate) reach: String,
}

/// Greatest number of references that lead to a field.
const MAX_STEPS: usize = 2;

/// Columns of a resource that the caller may name in a list.
pub(crate) struct Columns<'w> {
    schema: &'w Schema,
    hidden: &'w HiddenFields,
    scope: &'w AccessScope,
}

impl<'w> Columns<'w> {
    pub(crate) fn new(schema: &'w Schema, hidden: &'w HiddenFields, scope: &'w AccessScope) -> Self {
        Self { schema, hidden, scope }
    }

    /// Finds a visible column of the record itself.
    pub(crate) fn own(&self, name: &str) -> Option<Arc<FieldSchema>> {
        self.schema.comparable(name).filter(|_| !self.hidden.hide(name)).cloned()
    }

    /// Finds a visible column of the record, or of a record that is reached through several references, with the schema
    /// that the column belongs to. Each reference must be visible, and its records readable. `alias` names the joined
    /// table of a step.
    pub(crate) fn through(
        &self,
        path: &str,
        alias: impl Fn(usize) -> String,
    ) -> Option<(Vec<Step>, &'w Schema, Arc<FieldSchema>)> {
        let (mut schema, mut hidden, mut steps) = (self.schema, self.hidden.clone(), Vec::new());
        let mut rest = path;
        while let Some((through, last)) = rest.split_once('.') {
            let visible = |related: &&Related| related.name == through && !hidden.hide(related.column);
            let related = *schema.relations.iter().find(visible).filter(|_| steps.len() < MAX_STEPS)?;
            let reach = self.scope.reading_as(&related.access, &alias(steps.len()), ME)?;
            schema = (related.target)();
            hidden = self.scope.hidden_of(schema.name());
            steps.push(Step { related, reach });
            rest = last;
        }
        let field = schema.comparable(rest).filter(|_| !hidden.hide(rest))?;
        Some((steps, schema, Arc::clone(field)))
    }

    /// Finds a visible column of the record, or of a related record if the caller may also see the reference.
    pub(crate) fn path(&self, name: &str) -> Option<Path> {
        let Some((through, name)) = name.split_once('.') else {
            return Some(Path { through: None, field: self.own(name)? });
        };
        let visible = |related: &&Related| related.name == through && !self.hidden.hide(related.column);
        let related = self.schema.relations.iter().find(visible)?;
        let target = (related.target)();
        let field = target.comparable(name).filter(|_| !self.scope.hidden_of(target.name()).hide(name))?;
        let reach = self.scope.reading(&related.access)?;
        Some(Path { through: Some((*related, reach)), field: Arc::clone(field) })
    }
}
