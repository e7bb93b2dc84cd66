//! References of rows to records, looked up for a whole batch.

use std::collections::{HashMap, HashSet};

use db::TenantTx;
use resource::Purpose;
use serde_json::json;
use uuid::Uuid;

use super::{Lookup, Mapping, ParsedRow, Reference};

/// Looks up the records that cells refer to, in one query for all rows, and replaces the references by ids.
pub(in crate::imports) async fn resolve(
    tx: &mut TenantTx,
    mapping: &Mapping,
    step: usize,
    reference: &Reference,
    drafts: &mut [ParsedRow],
) -> db::Result<()> {
    let named = |draft: &ParsedRow| draft.said.named.iter().find(|named| named.step == step).cloned();
    let found = look_up(tx, reference, drafts.iter().filter_map(named)).await?;
    for draft in drafts {
        let Some(named) = named(draft) else { continue };
        match one_of(&found, reference, &named) {
            Ok(id) => {
                draft.said.patch.insert(mapping.field(step).to_owned(), json!(id));
            }
            Err((code, message)) => draft.said.wrong.push(mapping.wrong(step, code, message)),
        }
    }
    Ok(())
}

async fn look_up(
    tx: &mut TenantTx,
    reference: &Reference,
    named: impl Iterator<Item = Lookup>,
) -> db::Result<HashMap<Vec<String>, Vec<Uuid>>> {
    let wanted: HashSet<Vec<String>> = named.map(|named| vec![reference.by.fold(&named.value)]).collect();
    let wanted: Vec<Vec<String>> = wanted.into_iter().collect();
    reference.target.find_by_key(tx, std::slice::from_ref(&reference.by), &wanted, Purpose::Naming).await
}

fn one_of(
    found: &HashMap<Vec<String>, Vec<Uuid>>,
    reference: &Reference,
    named: &Lookup,
) -> Result<Uuid, (&'static str, String)> {
    let (one, by) = (reference.target.schema().name(), &reference.by_field);
    match found.get(&vec![reference.by.fold(&named.value)]).map(Vec::as_slice) {
        Some([id]) => Ok(*id),
        Some([_, _, ..]) => Err(("reference-ambiguous", format!("more than one {one} has this {by}"))),
        _ => Err(("reference-unknown", format!("no {one} has this {by}"))),
    }
}
