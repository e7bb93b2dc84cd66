//! Every table must have a kind, and the protection that its kind requires.

use squawk_syntax::SyntaxKind;

use super::Reader;
use crate::{
    dropped::{dropped, unprotected_by},
    tree::{all, first, has, literals, text},
};

const KINDS: [&str; 3] = ["tenant", "global", "local"];

pub(super) fn check(reader: &mut Reader<'_>) {
    for table in all(&reader.tree.clone(), SyntaxKind::CREATE_TABLE) {
        let Some(name) = first(&table, SyntaxKind::TABLE_NAME).map(|name| text(&name)) else { continue };
        let schema = name.split_once('.').map_or("", |(schema, _)| schema);
        let kind = reader.known.tables.get(&name).and_then(|table| table.kind.clone());
        if has(&table, SyntaxKind::PARTITION_OF) || has(&table, SyntaxKind::TEMP) {
            continue; // a partition belongs to its parent; a temporary table ends with the session
        }
        match (schema, kind) {
            ("app", None) => reader.find(
                "unprotected-table",
                &table,
                format!("{name} has no row security: `call ops.protect_tenant_table('{name}')` in this file"),
            ),
            ("ops", None) => reader.find(
                "unknown-table-kind",
                &table,
                format!("{name} has no kind: `insert into ops.table_kinds values ('{name}', 'local')` in this file"),
            ),
            ("app" | "ops", Some(_)) => {}
            _ => reader.find(
                "unknown-table-kind",
                &table,
                format!("{name}: tables are in app (tenant, global) or ops (local), partitions in app_parts"),
            ),
        }
    }
    if text(&reader.tree).contains("ops.table_kinds") {
        for row in all(&reader.tree.clone(), SyntaxKind::ROW) {
            let kind = literals(&row).pop().unwrap_or_default();
            if !KINDS.contains(&kind.as_str()) {
                reader.find("unknown-table-kind", &row, format!("`{kind}` is none of tenant, global, local"));
            }
        }
    }
    check_dropped(reader);
    if reader.words().starts_with(&["create", "materialized", "view"]) {
        let whole = reader.tree.clone();
        reader.find("materialized-view", &whole, "keep such rows in a tenant table that a job fills");
    }
    for view in all(&reader.tree.clone(), SyntaxKind::CREATE_VIEW) {
        let invoker = all(&view, SyntaxKind::ATTRIBUTE_OPTION).map(|option| text(&option));
        let runs_as_reader = |option: String| {
            matches!(&*option, "security_invoker" | "security_invoker=true" | "security_invoker=on")
        };
        if !invoker.into_iter().any(runs_as_reader) {
            reader.find("definer-view", &view, "say `with (security_invoker = true)`");
        }
    }
}

/// A kind without its table makes later checks report a missing table.
fn check_dropped(reader: &mut Reader<'_>) {
    let tree = reader.tree.clone();
    let has_kind = |table: &String| reader.known.tables.get(table).is_some_and(|known| known.kind.is_some());
    let dropped: Vec<String> = dropped(&tree).into_iter().filter(has_kind).collect();
    if dropped.is_empty() {
        return;
    }
    let unprotected = unprotected_by(reader.script);
    for table in dropped {
        if !unprotected.contains(&table) {
            let message = format!(
                "the kind of {table} stays: `call ops.unprotect_table('{table}')` before it is dropped"
            );
            reader.find("kind-without-table", &tree, message);
        }
    }
}
