//! Tables that a script drops, and those whose kinds it takes out of the registry.

use migrate::Script;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::{
    known::parse,
    tree::{all, literals, text},
};

/// The tables that a statement drops, with their schemas.
pub(crate) fn dropped(tree: &SyntaxNode) -> Vec<String> {
    all(tree, SyntaxKind::DROP_TABLE)
        .flat_map(|drop| all(&drop, SyntaxKind::TABLE_NAME_REF).map(|name| text(&name)).collect::<Vec<_>>())
        .collect()
}

/// The same of a whole script.
pub(crate) fn dropped_by(script: &Script) -> Vec<String> {
    script.statements.iter().flat_map(|statement| dropped(&parse(&statement.text).0)).collect()
}

/// The tables whose kinds a statement takes out: `call ops.unprotect_table('app.x')`, or a delete by hand.
pub(crate) fn unprotected(tree: &SyntaxNode) -> Vec<String> {
    let whole = text(tree);
    let takes_out = ["callops.unprotect_table(", "deletefromops.table_kinds"];
    if takes_out.iter().any(|start| whole.starts_with(start)) { literals(tree) } else { Vec::new() }
}

/// The same of a whole script.
pub(crate) fn unprotected_by(script: &Script) -> Vec<String> {
    script.statements.iter().flat_map(|statement| unprotected(&parse(&statement.text).0)).collect()
}
