//! Every key, index and reference of a tenant table must begin with `account_id`.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Reader;
use crate::tree::{all, first, has, text};

const RULE: &str = "key-without-account";

pub(super) fn check(reader: &mut Reader<'_>) {
    let tree = reader.tree.clone();
    for node in tree.children() {
        let name = match node.kind() {
            SyntaxKind::CREATE_TABLE => first(&node, SyntaxKind::TABLE_NAME),
            SyntaxKind::ALTER_TABLE => first(&node, SyntaxKind::TABLE_NAME_REF),
            SyntaxKind::CREATE_INDEX => {
                index(reader, &node);
                continue;
            }
            _ => continue,
        };
        let Some(table) = name.map(|name| text(&name)) else { continue };
        references(reader, &node);
        if is_tenant(reader, &table) {
            unique(reader, &node, &table);
        }
    }
}

/// Whether the table is a tenant table, or not registered, which `unprotected-table` reports.
fn is_tenant(reader: &Reader<'_>, table: &str) -> bool {
    let known = reader.known.tables.get(table);
    table.starts_with("app.")
        && known.is_none_or(|known| known.kind.as_deref().is_none_or(|kind| kind == "tenant"))
}

fn unique(reader: &mut Reader<'_>, node: &SyntaxNode, table: &str) {
    for constraint in node.descendants() {
        let what = match constraint.kind() {
            SyntaxKind::PRIMARY_KEY_CONSTRAINT => "primary key",
            SyntaxKind::UNIQUE_CONSTRAINT => "unique constraint",
            _ => continue,
        };
        if has(&constraint, SyntaxKind::USING_INDEX) {
            continue; // the index was checked where it was created
        }
        let column = first(&constraint, SyntaxKind::COLUMN_NAME_REF).map(|column| text(&column));
        if column.or_else(|| own_column(&constraint)).as_deref() != Some("account_id") {
            reader.find(RULE, &constraint, format!("this {what} of {table} is not led by account_id"));
        }
    }
}

/// Column that the constraint is declared on.
fn own_column(constraint: &SyntaxNode) -> Option<String> {
    let column = constraint.ancestors().find(|node| node.kind() == SyntaxKind::COLUMN)?;
    first(&column, SyntaxKind::COLUMN_NAME).map(|name| text(&name))
}

fn index(reader: &mut Reader<'_>, node: &SyntaxNode) {
    let Some(table) = first(node, SyntaxKind::TABLE_NAME_REF).map(|table| text(&table)) else { return };
    let leads = first(node, SyntaxKind::PARTITION_ITEM).map(|item| text(&item));
    let led = leads.is_some_and(|column| column == "account_id");
    if !led && is_tenant(reader, &table) {
        reader.find(RULE, node, format!("this index of {table} is not led by account_id"));
    }
}

fn references(reader: &mut Reader<'_>, node: &SyntaxNode) {
    let kinds = [SyntaxKind::FOREIGN_KEY_CONSTRAINT, SyntaxKind::REFERENCES_CONSTRAINT];
    for key in node.descendants().filter(|inner| kinds.contains(&inner.kind())) {
        let Some(parent) = first(&key, SyntaxKind::TABLE_NAME_REF).map(|parent| text(&parent)) else {
            continue;
        };
        let known = reader.known.tables.get(&parent);
        let has_account = known.is_none_or(|parent| parent.has_account);
        let mut sides = all(&key, SyntaxKind::FOREIGN_KEY_COLUMN_LIST)
            .map(|list| first(&list, SyntaxKind::COLUMN_NAME_REF).map(|column| text(&column)));
        let child = sides.next().flatten().or_else(|| own_column(&key));
        let led = child.as_deref() == Some("account_id")
            && sides.next().flatten().is_none_or(|column| column == "account_id");
        if has_account && !led {
            let message =
                format!("a row could point at another account's {parent}: begin both sides with account_id");
            reader.find(RULE, &key, message);
        }
        actions(reader, &key);
    }
}

fn actions(reader: &mut Reader<'_>, key: &SyntaxNode) {
    for action in key.descendants() {
        let action_text = text(&action);
        match action.kind() {
            SyntaxKind::ON_DELETE_ACTION
                if action_text.contains("setnull") || action_text.contains("setdefault") =>
            {
                reader.find(
                    "set-null-reference",
                    &action,
                    "let the application clear it, or delete with ON DELETE CASCADE",
                );
            }
            SyntaxKind::ON_UPDATE_ACTION
                if !action_text.contains("noaction") && !action_text.contains("restrict") =>
            {
                reader.find("set-null-reference", &action, "keys never change: leave ON UPDATE out");
            }
            _ => {}
        }
    }
}
