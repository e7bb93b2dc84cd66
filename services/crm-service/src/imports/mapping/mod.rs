//! A validated plan: maps cells to fields.

mod constants;
mod convert;
pub(in crate::imports) mod plan;

use std::collections::HashSet;

use db::{KeyPart, Kind};
use identity::Permissions;
use serde_json::{Map, Value, json};
use web::Violation;

use crate::imports::{file::inspect::ImportFile, registry::Target};
use plan::{ColumnMapping, ImportMode, ImportPlan};

/// A plan whose columns and fields are resolved.
pub(in crate::imports) struct Mapping {
    pub(in crate::imports) target: &'static Target,
    pub(in crate::imports) mode: ImportMode,
    pub(in crate::imports) key: Vec<(String, KeyPart)>,
    steps: Vec<FieldRule>,
    nulls: HashSet<String>,
    clear_empty: bool,
    pub(in crate::imports) columns: Vec<String>,
}

/// Rule that fills one field.
struct FieldRule {
    /// `None`: the same constant in every row.
    column: Option<usize>,
    path: Vec<String>,
    kind: Kind,
    rule: ColumnMapping,
    reference: Option<Reference>,
}

/// How a cell refers to another record.
pub(in crate::imports) struct Reference {
    pub(in crate::imports) target: &'static Target,
    pub(in crate::imports) by: KeyPart,
    pub(in crate::imports) by_field: String,
    /// True if the target is of the same kind, and may come later in the same file.
    pub(in crate::imports) own: bool,
}

/// A cell's reference to a record, to be replaced by its id.
#[derive(Debug, Clone)]
pub(in crate::imports) struct Lookup {
    pub(in crate::imports) step: usize,
    pub(in crate::imports) value: String,
}

/// Values parsed from a row.
#[derive(Debug, Default)]
pub(in crate::imports) struct RowValues {
    pub(in crate::imports) patch: Map<String, Value>,
    pub(in crate::imports) named: Vec<Lookup>,
    pub(in crate::imports) wrong: Vec<CellError>,
}

/// An error in a row, attributed to a column and field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::imports) struct CellError {
    pub(in crate::imports) column: Option<String>,
    pub(in crate::imports) pointer: String,
    pub(in crate::imports) code: String,
    pub(in crate::imports) message: String,
}

/// Maximum length of a cell: the limit of spreadsheet programs.
const MAX_CELL_CHARS: usize = 32_767;

impl Mapping {
    /// Validates the plan against this file and these permissions; returns all errors. Hidden fields do not exist for
    /// the caller: they can neither be filled nor used for references.
    pub(in crate::imports) fn new(
        target: &'static Target,
        plan: &ImportPlan,
        file: &ImportFile,
        permissions: &Permissions,
    ) -> Result<Self, Vec<Violation>> {
        let columns: Vec<String> = file.columns.iter().map(|column| column.name.clone()).collect();
        let (mut steps, mut wrong) = (Vec::new(), Vec::new());
        let mut filled = HashSet::new();
        for (at, rule) in plan.mapping.iter().enumerate() {
            let pointer = |name: &str| format!("/mapping/{at}/{name}");
            match FieldRule::new(target, rule, &columns, permissions) {
                Ok(step) if filled.insert(rule.field.clone()) => steps.push(step),
                Ok(_) => wrong.push(Violation::new(pointer("field"), "duplicate", "is filled already")),
                Err((name, code, message)) => wrong.push(Violation::new(pointer(name), code, message)),
            }
        }
        let mut key = Vec::new();
        for (at, field) in plan.key.iter().enumerate() {
            match (target.key)(field).filter(|_| filled.contains(field)) {
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
            wrong = constants::wrong(target, plan);
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let nulls = plan.nulls.iter().cloned().collect();
        Ok(Self { target, mode: plan.mode, key, steps, nulls, clear_empty: plan.clear_empty, columns })
    }

    /// True if the mapping fills or queries a field that these permissions hide.
    pub(in crate::imports) fn touches_hidden(&self, permissions: &Permissions) -> bool {
        let hidden = (self.target.hidden)(permissions);
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

    /// An error in the column of this step.
    pub(in crate::imports) fn wrong(&self, step: usize, code: &str, message: impl Into<String>) -> CellError {
        let step = self.steps.get(step);
        CellError {
            column: step.and_then(|step| self.columns.get(step.column?).cloned()),
            pointer: step.map_or_else(String::new, |step| format!("/{}", step.path.join("/"))),
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// Attributes a violation of a field to the column that fills it.
    pub(in crate::imports) fn blame(&self, violation: Violation) -> CellError {
        let field = violation.pointer.split('/').nth(1).unwrap_or_default();
        let step = self.steps.iter().find(|step| {
            step.path.first().is_some_and(|first| first == field)
                && (violation.pointer == format!("/{}", step.path.join("/")) || step.path.len() == 1)
        });
        let step = step
            .or_else(|| self.steps.iter().find(|step| step.path.first().is_some_and(|first| first == field)));
        let column = step.and_then(|step| self.columns.get(step.column?).cloned());
        CellError { column, pointer: violation.pointer, code: violation.code, message: violation.message }
    }

    /// Parses a row that has a cell for each column.
    pub(in crate::imports) fn read(&self, cells: &[String]) -> RowValues {
        let mut said = RowValues::default();
        for (at, step) in self.steps.iter().enumerate() {
            let Some(column) = step.column else { continue };
            let cell = cells.get(column).map_or("", String::as_str);
            if cell.chars().count() > MAX_CELL_CHARS {
                said.wrong.push(self.wrong(
                    at,
                    "length",
                    format!("must have at most {MAX_CELL_CHARS} characters"),
                ));
                continue;
            }
            let cell = convert::part(&step.rule, cell);
            let null = self.nulls.contains(cell);
            if null || cell.trim().is_empty() {
                if (null || self.clear_empty) && step.path.len() == 1 {
                    put(&mut said.patch, &step.path, Value::Null);
                }
                continue;
            }
            if step.reference.is_some() {
                said.named.push(Lookup { step: at, value: cell.trim().to_owned() });
                continue;
            }
            match convert::value(step.kind, &step.rule, cell) {
                Ok(value) => put(&mut said.patch, &step.path, value),
                Err((code, message)) => said.wrong.push(self.wrong(at, code, message)),
            }
        }
        self.fill_in(&mut said.patch);
        compact(&mut said.patch);
        said
    }

    /// Adds the constants of the plan. Inside a list item, only if the row itself has a value there.
    fn fill_in(&self, patch: &mut Map<String, Value>) {
        for step in self.steps.iter().filter(|step| step.column.is_none()) {
            let Some(value) = &step.rule.value else { continue };
            let listed = step.path.get(1).is_some_and(|part| part.parse::<usize>().is_ok());
            let begun = || {
                let item = step.path.get(1).and_then(|at| at.parse::<usize>().ok());
                patch.get(step.path.first()?)?.get(item?).filter(|item| item.is_object())
            };
            if !listed || begun().is_some() {
                put(patch, &step.path, value.clone());
            }
        }
    }
}

impl Reference {
    /// True if records are looked up by a field that these permissions hide, since the matches would reveal its value.
    fn asks_by_hidden(&self, permissions: &Permissions) -> bool {
        let field = self.by_field.split('.').next().unwrap_or_default();
        (self.target.hidden)(permissions).hide(field)
    }
}

impl FieldRule {
    fn new(
        target: &'static Target,
        rule: &ColumnMapping,
        columns: &[String],
        permissions: &Permissions,
    ) -> Result<Self, (&'static str, &'static str, String)> {
        let path: Vec<String> = rule.field.split('.').map(ToOwned::to_owned).collect();
        let (fields, hidden) = ((target.fields)(), (target.hidden)(permissions));
        let known = fields.iter().find(|field| path.first().is_some_and(|first| first == field.name));
        let known = known.filter(|field| !hidden.hide(field.name));
        let field =
            known.ok_or_else(|| ("field", "unknown-field", format!("unknown field `{}`", rule.field)))?;
        let inside = matches!(field.kind, Kind::Json);
        if path.len() > 1 && !inside || path.len() > 4 || path.iter().any(String::is_empty) {
            return Err(("field", "unknown-field", "the field has no such part".to_owned()));
        }
        if inside && path.len() == 1 && rule.column.is_some() {
            return Err((
                "field",
                "parts",
                "a field that has parts is filled by parts, such as emails.0.address".to_owned(),
            ));
        }
        if path.iter().skip(1).any(|part| part.parse::<usize>().is_ok_and(|at| at >= 100)) {
            return Err(("field", "range", "a list has at most 100 items here".to_owned()));
        }
        let column = match (&rule.column, &rule.value) {
            (Some(name), None) => {
                let at = columns.iter().position(|column| column == name);
                Some(at.ok_or(("column", "unknown-column", "the file has no such column".to_owned()))?)
            }
            (None, Some(_)) => None,
            _ => {
                return Err(("column", "required", "must have a column or a value, and not both".to_owned()));
            }
        };
        let reference = rule.by.as_deref().map(|by| reference(target, &rule.field, by, permissions));
        let reference = reference.transpose()?;
        if reference.is_some() && column.is_none() {
            return Err(("by", "type", "a value that is the same in every line is an id".to_owned()));
        }
        Ok(Self { column, path, kind: field.kind, rule: rule.clone(), reference })
    }

    fn is_deferred(&self) -> bool {
        self.reference.as_ref().is_some_and(|reference| reference.own)
    }
}

fn reference(
    target: &'static Target,
    field: &str,
    by: &str,
    permissions: &Permissions,
) -> Result<Reference, (&'static str, &'static str, String)> {
    let related = target.related.iter().find(|related| related.column() == field);
    let other = related.and_then(|related| Target::of_plural(related.plural()));
    let other = other.ok_or_else(|| {
        ("by", "unknown-field", "the field holds the id of no record that can be named".to_owned())
    })?;
    let unknown = || ("by", "unknown-field", format!("{} are not known by `{by}`", other.plural));
    let key = (other.key)(by).ok_or_else(unknown)?;
    let own = std::ptr::eq(other, target);
    let reference = Reference { target: other, by: key, by_field: by.to_owned(), own };
    if reference.asks_by_hidden(permissions) { Err(unknown()) } else { Ok(reference) }
}

/// Sets the value at a path, creating its parents.
pub(in crate::imports) fn put(patch: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let mut place = patch.entry(first.clone()).or_insert(Value::Null);
    for part in rest {
        let next = if let Ok(at) = part.parse::<usize>() { item(place, at) } else { part_of(place, part) };
        let Some(next) = next else { return };
        place = next;
    }
    *place = value;
}

/// The item of a list at this index, created if missing.
fn item(list: &mut Value, at: usize) -> Option<&mut Value> {
    if !list.is_array() {
        *list = json!([]);
    }
    let items = list.as_array_mut()?;
    items.resize(items.len().max(at + 1), Value::Null);
    items.get_mut(at)
}

/// The member of an object with this name, created if missing.
fn part_of<'v>(whole: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    if !whole.is_object() {
        *whole = json!({});
    }
    Some(whole.as_object_mut()?.entry(name.to_owned()).or_insert(Value::Null))
}

/// Removes gaps from lists, such as when a row has only the second of two items.
fn compact(patch: &mut Map<String, Value>) {
    for value in patch.values_mut() {
        if let Value::Array(items) = value {
            items.retain(|item| !item.is_null());
        }
    }
}

/// The text in the patch at a field's path; `None` if it is empty or no text.
pub(in crate::imports) fn said_at(patch: &Map<String, Value>, field: &str) -> Option<String> {
    let mut parts = field.split('.');
    let mut value = patch.get(parts.next()?)?;
    for part in parts {
        value = match part.parse::<usize>() {
            Ok(at) => value.get(at)?,
            Err(_) => value.get(part)?,
        };
    }
    value.as_str().map(ToOwned::to_owned).filter(|said| !said.is_empty())
}
