//! Tables that a script drops, and tables that it removes from the registry of kinds.

use migrate::Script;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::tree::{all, literals, parse, text};

/// Qualified names of the tables that a statement drops.
pub(crate) fn dropped(tree: &SyntaxNode) -> Vec<String> {
    all(tree, SyntaxKind::DROP_TABLE)
        .flat_map(|drop| all(&drop, SyntaxKind::TABLE_NAME_REF).map(|name| text(&name)).collect::<Vec<_>>())
        .collect()
}

/// Qualified names of the tables that a script drops.
pub(crate) fn dropped_by(script: &Script) -> Vec<String> {
    script.statements.iter().flat_map(|statement| dropped(&parse(&statement.text).0)).collect()
}

/// Tables that a statement removes from the registry: `call ops.unprotect_table('app.x')`, or a manual delete.
pub(crate) fn unprotected(tree: &SyntaxNode) -> Vec<String> {
    let whole = text(tree);
    let takes_out = ["callops.unprotect_table(", "deletefromops.table_kinds"];
    if takes_out.iter().any(|start| whole.starts_with(start)) { literals(tree) } else { Vec::new() }
}

/// Tables that a script removes from the registry.
pub(crate) fn unprotected_by(script: &Script) -> Vec<String> {
    script.statements.iter().flat_map(|statement| unprotected(&parse(&statement.text).0)).collect()
}
