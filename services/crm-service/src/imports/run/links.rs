//! References between rows of the same kind, such as an employee's manager. They are set after all rows were imported,
//! so that the order of rows does not matter.

use std::collections::HashMap;

use db::TenantTx;
use resource::{ReadyRow, RowAction, RowOutcome};
use uuid::Uuid;

use super::{
    apply::{BatchResult, DryRunState, hash, read},
    errors::FailedRow,
};
use crate::imports::{
    file::csv::TableRow,
    mapping::{CellError, Lookup, Mapping, ParsedRow, resolve},
};

/// Sets the fields that refer to records of the same kind, which all exist by now.
pub(super) async fn link(
    tx: &mut TenantTx,
    mapping: &Mapping,
    lines: Vec<TableRow>,
    records: &HashMap<i64, Uuid>,
) -> db::Result<BatchResult> {
    let mut taken = BatchResult::default();
    let mut drafts = named_only(mapping, lines);
    drafts.retain(|draft| records.contains_key(&draft.line));
    for (step, reference) in mapping.references().filter(|(_, reference)| reference.own) {
        resolve(tx, mapping, step, reference, &mut drafts).await?;
    }
    // If several rows apply to one record, the last one determines its references.
    let last: HashMap<Uuid, i64> =
        drafts.iter().filter_map(|one| Some((*records.get(&one.line)?, one.line))).collect();
    let (mut ready, mut linked) = (Vec::new(), Vec::new());
    for mut draft in drafts {
        if !draft.said.wrong.is_empty() {
            let wrong = std::mem::take(&mut draft.said.wrong);
            taken.leave(&draft, wrong);
        }
        let Some(record) = records.get(&draft.line).filter(|record| last.get(*record) == Some(&draft.line))
        else {
            continue;
        };
        if !draft.said.patch.is_empty() {
            ready.push(ReadyRow { record: Some(*record), patch: std::mem::take(&mut draft.said.patch) });
            linked.push(draft);
        }
    }
    let outcomes: Vec<RowOutcome> = mapping.target.write(tx, ready).await?;
    let mut done = Vec::new();
    for (draft, outcome) in linked.iter().zip(outcomes) {
        match outcome {
            Ok(one) if one.action == RowAction::Updated => done.push((draft.line, one)),
            Ok(_) => {}
            Err(violations) => {
                taken.leave(draft, violations.into_iter().map(|one| mapping.blame(one)).collect());
            }
        }
    }
    taken.groups.push(done);
    Ok(taken)
}

/// Dry run of the references: checks that their targets exist or would exist.
pub(super) async fn try_links(
    tx: &mut TenantTx,
    mapping: &Mapping,
    lines: Vec<TableRow>,
    trial: &DryRunState,
) -> db::Result<BatchResult> {
    let mut taken = BatchResult::default();
    let mut drafts = named_only(mapping, lines);
    drafts.retain(|draft| !trial.bad.contains(&draft.line));
    for (step, reference) in mapping.references().filter(|(_, reference)| reference.own) {
        for draft in &mut drafts {
            let fold = |named: &Lookup| hash(&[reference.by.fold(&named.value)]);
            draft
                .said
                .named
                .retain(|named| named.step != step || !trial.names.contains(&(step, fold(named))));
        }
        resolve(tx, mapping, step, reference, &mut drafts).await?;
    }
    for mut draft in drafts.into_iter().filter(|draft| !draft.said.wrong.is_empty()) {
        let wrong = std::mem::take(&mut draft.said.wrong);
        taken.leave(&draft, wrong);
    }
    Ok(taken)
}

impl BatchResult {
    /// Records a row that was imported, but whose reference could not be set.
    fn leave(&mut self, draft: &ParsedRow, wrong: Vec<CellError>) {
        self.report.unlinked += 1;
        self.bad.push(FailedRow { line: draft.line, wrong, cells: draft.cells.clone() });
    }
}

/// Parses rows, keeping only their references to records of the same kind.
fn named_only(mapping: &Mapping, lines: Vec<TableRow>) -> Vec<ParsedRow> {
    let own = |named: &Lookup| mapping.reference(named.step).is_some_and(|reference| reference.own);
    let mut drafts = read(mapping, lines, &mut BatchResult::default());
    for draft in &mut drafts {
        draft.said.patch.clear();
        draft.said.wrong.clear();
        draft.said.named.retain(own);
    }
    drafts.retain(|draft| !draft.said.named.is_empty());
    drafts
}
