//! Identifiers that leave room for derived names.

use std::collections::BTreeSet;

use squawk_syntax::SyntaxKind;

use super::Reader;
use crate::{Finding, tree::tokens};

/// Maximum length: PostgreSQL truncates at 63 bytes; the suffixes of a shard and an index need the rest.
const MAX_NAME_BYTES: usize = 50;

pub(super) fn check(reader: &mut Reader<'_>) {
    let names = tokens(&reader.tree).filter(|token| token.kind() == SyntaxKind::IDENT);
    let long: BTreeSet<(usize, String)> = names
        .filter(|name| name.text().trim_matches('"').len() > MAX_NAME_BYTES)
        .map(|name| (usize::from(name.text_range().start()), name.text().to_owned()))
        .collect();
    for (at, name) in long {
        let message = format!("{name} has {} bytes: {MAX_NAME_BYTES} at most", name.trim_matches('"').len());
        let finding = Finding::about(reader.script, reader.at, "long-identifier", message);
        reader.found.push(finding.at(reader.statement, at));
    }
}
