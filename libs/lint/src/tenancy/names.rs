//! Names that still fit when something is derived from them.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind;

use super::Reader;
use crate::{Finding, tree::tokens};

/// PostgreSQL cuts at 63 bytes; a shard's suffix and an index's take the rest.
const MOST_BYTES: usize = 50;

pub(super) fn check(reader: &mut Reader<'_>) {
    let names = tokens(&reader.tree).filter(|token| token.kind() == SyntaxKind::IDENT);
    let long: BTreeSet<(usize, String)> = names
        .filter(|name| name.text().trim_matches('"').len() > MOST_BYTES)
        .map(|name| (usize::from(name.text_range().start()), name.text().to_owned()))
        .collect();
    for (at, name) in long {
        let message = format!("{name} has {} bytes: {MOST_BYTES} at most", name.trim_matches('"').len());
        let finding = Finding::about(reader.script, reader.at, "long-identifier", message);
        reader.found.push(finding.at(reader.statement, at));
    }
}
