//! Functions must resolve names independently of the caller and of a restore.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Reader;
use crate::{
    known::{is_function, pins_search_path},
    tree::{all, has, text},
};

pub(super) fn check(reader: &mut Reader<'_>) {
    let tree = reader.tree.clone();
    for function in tree.descendants().filter(|node| is_function(node.kind())) {
        let pinned = pins_search_path(&function) && text(&function).contains("pg_temp");
        if has(&function, SyntaxKind::SECURITY_DEFINER_FUNC_OPTION) && !pinned {
            let message = "say `set search_path = pg_catalog, pg_temp`, and name tables with their schemas";
            reader.find("definer-search-path", &function, message);
        }
    }
    let stored = [SyntaxKind::CREATE_INDEX, SyntaxKind::CHECK_CONSTRAINT, SyntaxKind::GENERATED_STORED];
    for place in tree.descendants().filter(|node| stored.contains(&node.kind())) {
        wanderers(reader, &place);
    }
}

/// A restore loads tables with an empty search path: a function that depends on it fails, and the table is lost.
fn wanderers(reader: &mut Reader<'_>, place: &SyntaxNode) {
    for call in all(place, SyntaxKind::CALL_EXPR) {
        let Some(callee) = call.children().next().map(|callee| text(&callee)) else { continue };
        let name = callee.rsplit('.').next().unwrap_or_default();
        if reader.known.wanderers.iter().any(|wanderer| wanderer == name) {
            let message = format!(
                "{callee} has no search_path of its own: `alter function … set search_path = pg_catalog, pg_temp`"
            );
            reader.find("search-path-dependent", &call, message);
        }
    }
}
