//! Applies the rows of a file in batches. Dry runs and imports share this code.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use db::TenantTx;
use resource::{KeyPart, Purpose};
use resource::{ReadyRow, RowAction, WrittenRow};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{errors::FailedRow, report::ImportReport};
use crate::imports::{
    file::{csv::TableRow, inspect::is_blank},
    mapping::{CellError, Mapping, ParsedRow, plan::ImportMode, resolve, text_at},
};

/// Result of applying a batch of rows.
#[derive(Debug, Default)]
pub(super) struct BatchResult {
    /// Written rows in order; a record occurs at most once in each group.
    pub(super) groups: Vec<Vec<(i64, WrittenRow)>>,
    pub(super) bad: Vec<FailedRow>,
    pub(super) report: ImportReport,
}

/// State of a dry run across batches, because each batch is rolled back before the next one.
#[derive(Debug, Default)]
pub(super) struct DryRunState {
    keys: HashSet<u64>,
    pub(super) names: HashSet<(usize, u64)>,
    pub(super) bad: HashSet<i64>,
}

/// Applies a batch of rows, either for real or as a dry run.
pub(super) async fn apply_rows(
    tx: &mut TenantTx,
    mapping: &Mapping,
    lines: Vec<TableRow>,
    mut trial: Option<&mut DryRunState>,
) -> db::Result<BatchResult> {
    let mut taken = BatchResult::default();
    let mut drafts = read(mapping, lines, &mut taken);
    for (step, reference) in mapping.references().filter(|(_, reference)| !reference.own) {
        resolve(tx, mapping, step, reference, &mut drafts).await?;
    }
    for draft in &mut drafts {
        draft.take_key(mapping);
    }
    for group in grouped(drafts) {
        take_group(tx, mapping, group, &mut taken, trial.as_deref_mut()).await?;
    }
    if let Some(trial) = trial {
        trial.bad.extend(taken.bad.iter().map(|bad| bad.line));
    }
    Ok(taken)
}

/// Parses the rows that have a cell for each column; in others the columns cannot be told apart.
pub(super) fn read(mapping: &Mapping, lines: Vec<TableRow>, taken: &mut BatchResult) -> Vec<ParsedRow> {
    let width = mapping.columns.len();
    let mut drafts = Vec::with_capacity(lines.len());
    for line in lines.into_iter().filter(|line| !is_blank(line)) {
        if line.cells.len() == width {
            let said = mapping.read(&line.cells);
            drafts.push(ParsedRow { line: line.number, cells: line.cells, said, key: Vec::new() });
            continue;
        }
        let more = if line.last > line.number {
            format!("; it goes on to line {}: a quotation mark is not closed, perhaps", line.last)
        } else {
            String::new()
        };
        let message = format!("has {} cells, and the file {width} columns{more}", line.cells.len());
        let wrong =
            CellError { column: None, pointer: String::new(), code: "column-count".to_owned(), message };
        taken.refuse(line.number, line.cells, vec![wrong]);
    }
    drafts
}

impl BatchResult {
    fn refuse(&mut self, line: i64, cells: Vec<String>, wrong: Vec<CellError>) {
        self.report.failed += 1;
        self.bad.push(FailedRow { line, wrong, cells });
    }
}

impl ParsedRow {
    /// Extracts the key of the row.
    fn take_key(&mut self, mapping: &Mapping) {
        for (field, part) in &mapping.key {
            if let Some(said) = text_at(&self.said.patch, field) {
                self.key.push(part.fold(&said));
            } else if !self.said.wrong.iter().any(|wrong| wrong.pointer == pointer(field)) {
                let message = "the line cannot be told from others without it";
                let violation = web::Violation::new(pointer(field), "required", message);
                self.said.wrong.push(mapping.blame(violation));
            }
        }
    }
}

fn pointer(field: &str) -> String {
    format!("/{}", field.replace('.', "/"))
}

/// Splits the rows into groups without duplicate keys, so that a row sees the effects of earlier ones.
fn grouped(drafts: Vec<ParsedRow>) -> Vec<Vec<ParsedRow>> {
    let (mut groups, mut seen) = (vec![Vec::new()], HashSet::new());
    for draft in drafts {
        if !draft.key.is_empty() && !seen.insert(draft.key.clone()) {
            groups.push(Vec::new());
            seen = HashSet::from([draft.key.clone()]);
        }
        if let Some(last) = groups.last_mut() {
            last.push(draft);
        }
    }
    groups
}

async fn take_group(
    tx: &mut TenantTx,
    mapping: &Mapping,
    group: Vec<ParsedRow>,
    taken: &mut BatchResult,
    mut trial: Option<&mut DryRunState>,
) -> db::Result<()> {
    let (good, bad): (Vec<_>, Vec<_>) = group.into_iter().partition(|draft| draft.said.wrong.is_empty());
    for draft in bad {
        taken.refuse(draft.line, draft.cells, draft.said.wrong);
    }
    let keys: Vec<Vec<String>> =
        good.iter().map(|draft| draft.key.clone()).filter(|key| !key.is_empty()).collect();
    let parts: Vec<KeyPart> = mapping.key.iter().map(|(_, part)| part.clone()).collect();
    let found = mapping.target.find_by_key(tx, &parts, &keys, Purpose::Acting).await?;
    let (mut ready, mut drafts) = (Vec::with_capacity(good.len()), Vec::with_capacity(good.len()));
    for mut draft in good {
        let foreseen = trial.as_ref().is_some_and(|trial| trial.keys.contains(&hash(&draft.key)));
        match decide(mapping, &draft, &found, foreseen) {
            Err(wrong) => taken.refuse(draft.line, draft.cells, vec![wrong]),
            Ok(None) => taken.report.updated += 1, // created by the dry run and rolled back
            Ok(Some(record)) => {
                let record = record.first().copied();
                ready.push(ReadyRow { record, patch: std::mem::take(&mut draft.said.patch) });
                drafts.push(draft);
            }
        }
    }
    let names: Vec<Vec<(usize, u64)>> = match &trial {
        Some(_) => ready.iter().map(|one| names(mapping, &one.patch)).collect(),
        None => vec![Vec::new(); ready.len()],
    };
    let outcomes = mapping.target.write(tx, ready).await?;
    let mut done = Vec::with_capacity(outcomes.len());
    for ((draft, names), outcome) in drafts.into_iter().zip(names).zip(outcomes) {
        match outcome {
            Ok(one) => {
                taken.report.count(one.action);
                if let Some(trial) = &mut trial {
                    trial.names.extend(names);
                    if one.action == RowAction::Created && !draft.key.is_empty() {
                        trial.keys.insert(hash(&draft.key));
                    }
                }
                done.push((draft.line, one));
            }
            Err(violations) => {
                let wrong = violations.into_iter().map(|one| mapping.blame(one)).collect();
                taken.refuse(draft.line, draft.cells, wrong);
            }
        }
    }
    taken.groups.push(done);
    Ok(())
}

/// Ids of the records with the row's key, empty for a new record. `None`: the record only exists in the dry run.
fn decide<'f>(
    mapping: &Mapping,
    draft: &ParsedRow,
    found: &'f HashMap<Vec<String>, Vec<Uuid>>,
    foreseen: bool,
) -> Result<Option<&'f [Uuid]>, CellError> {
    let wrong = |code: &str, message: &str| {
        let field = mapping.key.first().map_or("", |(field, _)| field.as_str());
        mapping.blame(web::Violation::new(pointer(field), code, message))
    };
    let found = found.get(&draft.key).filter(|_| !draft.key.is_empty()).map_or(&[] as &[Uuid], Vec::as_slice);
    match (mapping.mode, found) {
        (_, [_, _, ..]) => Err(wrong("key-ambiguous", "more than one record has this key")),
        (ImportMode::Create, [_]) => Err(wrong("key-taken", "a record has this key already")),
        (ImportMode::Create, []) if foreseen => {
            Err(wrong("key-taken", "a line before this one has this key"))
        }
        (ImportMode::Update | ImportMode::Upsert, []) if foreseen => Ok(None),
        (ImportMode::Update, []) => Err(wrong("key-unknown", "no record has this key")),
        (_, found) => Ok(Some(found)),
    }
}

/// Keys by which other rows of the file may refer to this row's record.
fn names(mapping: &Mapping, patch: &Map<String, Value>) -> Vec<(usize, u64)> {
    let own = mapping.references().filter(|(_, reference)| reference.own);
    let said = own.filter_map(|(step, reference)| {
        let said = text_at(patch, &reference.by_field)?;
        Some((step, hash(&[reference.by.fold(&said)])))
    });
    said.collect()
}

pub(super) fn hash(key: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
