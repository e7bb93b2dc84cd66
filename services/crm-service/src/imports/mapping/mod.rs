//! A validated plan: maps cells to fields.

mod constants;
mod convert;
mod field_rule;
mod lookups;
mod patch;
pub(in crate::imports) mod plan;
mod row;

use std::collections::HashSet;

use field_rule::FieldRule;
use identity::Permissions;
use plan::{ImportMode, ImportPlan};
use resource::KeyPart;
use resource::ResourceHandle;
use web::Violation;

use crate::imports::file::inspect::ImportFile;

pub(in crate::imports) use field_rule::Reference;
pub(in crate::imports) use lookups::resolve;
pub(in crate::imports) use patch::text_at;
pub(in crate::imports) use row::{CellError, Lookup, ParsedRow};

/// A plan whose columns and fields are resolved.
pub(in crate::imports) struct Mapping {
    pub(in crate::imports) target: ResourceHandle,
    pub(in crate::imports) mode: ImportMode,
    pub(in crate::imports) key: Vec<(String, KeyPart)>,
    steps: Vec<FieldRule>,
    nulls: HashSet<String>,
    clear_empty: bool,
    pub(in crate::imports) columns: Vec<String>,
}

impl Mapping {
    /// Validates the plan against this file and these permissions; returns all errors. Hidden fields do not exist for
    /// the caller: they can neither be filled nor used for references.
    pub(in crate::imports) fn new(
        target: ResourceHandle,
        plan: &ImportPlan,
        file: &ImportFile,
        permissions: &Permissions,
    ) -> Result<Self, Vec<Violation>> {
        let columns: Vec<String> = file.columns.iter().map(|column| column.name.clone()).collect();
        let (mut steps, mut wrong) = (Vec::new(), Vec::new());
        let mut filled = HashSet::new();
        for (at, rule) in plan.mapping.iter().enumerate() {
            let pointer = |name: &str| format!("/mapping/{at}/{name}");
            match FieldRule::new(&target, rule, &columns, permissions) {
                Ok(step) if filled.insert(rule.field.clone()) => steps.push(step),
                Ok(_) => wrong.push(Violation::new(pointer("field"), "duplicate", "is filled already")),
                Err((name, code, message)) => wrong.push(Violation::new(pointer(name), code, message)),
            }
        }
        let mut key = Vec::new();
        for (at, field) in plan.key.iter().enumerate() {
            match target.key(field).filter(|_| filled.contains(field)) {
                Some(part) => key.push((field.clone(), part)),
                None => wrong.push(Violation::new(
                    format!("/key/{at}"),
                    "unknown-field",
                    "must be a field of the mapping that holds a text or an id",
                )),
            }
        }
        if plan.mode != ImportMode::Create && plan.key.is_empty() {
            wrong.push(Violation::new("/key", "required", "must name the fields by which a record is found"));
        }
        let deferred =
            |field: &String| steps.iter().any(|step| step.path.first() == Some(field) && step.is_deferred());
        if plan.key.iter().any(deferred) {
            wrong.push(Violation::new("/key", "deferred", "must not name a record of the same kind"));
        }
        if wrong.is_empty() {
            wrong = constants::wrong(&target, plan);
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let nulls = plan.nulls.iter().cloned().collect();
        Ok(Self { target, mode: plan.mode, key, steps, nulls, clear_empty: plan.clear_empty, columns })
    }

    /// True if the mapping fills or queries a field that these permissions hide.
    pub(in crate::imports) fn touches_hidden(&self, permissions: &Permissions) -> bool {
        let hidden = self.target.hidden(permissions);
        let fills = self.steps.iter().filter_map(|step| step.path.first()).any(|field| hidden.hide(field));
        fills || self.references().any(|(_, reference)| reference.asks_by_hidden(permissions))
    }

    /// True if records refer to others of their kind, which are resolved after all rows were imported.
    pub(in crate::imports) fn has_deferred(&self) -> bool {
        self.steps.iter().any(FieldRule::is_deferred)
    }

    /// The fields that refer to other records, with their step.
    pub(in crate::imports) fn references(&self) -> impl Iterator<Item = (usize, &Reference)> {
        self.steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.reference.as_ref()?)))
    }

    pub(in crate::imports) fn reference(&self, step: usize) -> Option<&Reference> {
        self.steps.get(step)?.reference.as_ref()
    }

    /// Name of the field that a step fills.
    pub(in crate::imports) fn field(&self, step: usize) -> &str {
        self.steps.get(step).map_or("", |step| step.rule.field.as_str())
    }
}
