//! What lines name of their own kind, such as the manager of an employee: filled in when all lines are there, in whichever
//! order they came.

use std::collections::HashMap;

use db::TenantTx;
use uuid::Uuid;

use super::{
    mapping::{Mapping, Named, Wrong},
    rows::{Bad, Draft, Taken, Trial, hash, read, resolve},
    table::Line,
    write::{Action, Outcome, Ready},
};

/// Fills the fields that name records of the same kind, now that all of them are there.
pub(super) async fn link(
    tx: &mut TenantTx,
    mapping: &Mapping,
    lines: Vec<Line>,
    records: &HashMap<i64, Uuid>,
) -> db::Result<Taken> {
    let mut taken = Taken::default();
    let mut drafts = named_only(mapping, lines);
    drafts.retain(|draft| records.contains_key(&draft.line));
    for (step, reference) in mapping.references().filter(|(_, reference)| reference.own) {
        resolve(tx, mapping, step, reference, &mut drafts).await?;
    }
    // A record that several lines are about takes what the last of them says.
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
            ready.push(Ready { record: Some(*record), patch: std::mem::take(&mut draft.said.patch) });
            linked.push(draft);
        }
    }
    let outcomes: Vec<Outcome> = (mapping.target.write)(tx, ready).await?;
    let mut done = Vec::new();
    for (draft, outcome) in linked.iter().zip(outcomes) {
        match outcome {
            Ok(one) if one.action == Action::Updated => done.push((draft.line, one)),
            Ok(_) => {}
            Err(violations) => {
                taken.leave(draft, violations.into_iter().map(|one| mapping.blame(one)).collect());
            }
        }
    }
    taken.groups.push(done);
    Ok(taken)
}

/// Whether what lines name is there, or would be.
pub(super) async fn try_links(
    tx: &mut TenantTx,
    mapping: &Mapping,
    lines: Vec<Line>,
    trial: &Trial,
) -> db::Result<Taken> {
    let mut taken = Taken::default();
    let mut drafts = named_only(mapping, lines);
    drafts.retain(|draft| !trial.bad.contains(&draft.line));
    for (step, reference) in mapping.references().filter(|(_, reference)| reference.own) {
        for draft in &mut drafts {
            let fold = |named: &Named| hash(&[reference.by.fold(&named.value)]);
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

impl Taken {
    /// The record of a line is there, and does not name what the line says.
    fn leave(&mut self, draft: &Draft, wrong: Vec<Wrong>) {
        self.report.unlinked += 1;
        self.bad.push(Bad { line: draft.line, wrong, cells: draft.cells.clone() });
    }
}

/// Lines with nothing but what they name of their own kind.
fn named_only(mapping: &Mapping, lines: Vec<Line>) -> Vec<Draft> {
    let own = |named: &Named| mapping.reference(named.step).is_some_and(|reference| reference.own);
    let mut drafts = read(mapping, lines, &mut Taken::default());
    for draft in &mut drafts {
        draft.said.patch.clear();
        draft.said.wrong.clear();
        draft.said.named.retain(own);
    }
    drafts.retain(|draft| !draft.said.named.is_empty());
    drafts
}
