//! Objects that earlier files have created.

use std::collections::BTreeMap;

use migrate::Script;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::{
    dropped::unprotected,
    tree::{all, first, has, literals, parse, text},
};

/// What is known about a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Kind as in `ops.table_kinds`; `None` if it is not registered.
    pub(crate) kind: Option<String>,
    /// Whether it has a column `account_id`.
    pub(crate) has_account: bool,
}

#[derive(Debug, Default)]
pub(crate) struct KnownObjects {
    pub(crate) tables: BTreeMap<String, Table>,
    /// Functions that depend on the search path, so that they may fail during a restore.
    pub(crate) wanderers: Vec<String>,
}

impl KnownObjects {
    pub(crate) fn learn(&mut self, script: &Script) {
        for statement in &script.statements {
            let (tree, _) = parse(&statement.text);
            for table in all(&tree, SyntaxKind::CREATE_TABLE) {
                self.table(&table);
            }
            for function in tree.descendants().filter(|node| is_function(node.kind())) {
                self.function(&function);
            }
            self.kinds(&tree);
        }
    }

    fn table(&mut self, node: &SyntaxNode) {
        let Some(name) = first(node, SyntaxKind::TABLE_NAME) else { return };
        let table = self.tables.entry(text(&name)).or_default();
        table.has_account = all(node, SyntaxKind::COLUMN_NAME).any(|column| text(&column) == "account_id");
    }

    fn function(&mut self, node: &SyntaxNode) {
        let Some(name) = first(node, SyntaxKind::PATH) else { return };
        let name = text(&name).rsplit('.').next().unwrap_or_default().to_owned();
        self.wanderers.retain(|known| *known != name);
        if has(node, SyntaxKind::AS_FUNC_OPTION) && !pins_search_path(node) {
            self.wanderers.push(name);
        }
    }

    /// Evaluates `call ops.protect_…_table('app.x')`, its reversal, and manual writes to `ops.table_kinds`.
    fn kinds(&mut self, tree: &SyntaxNode) {
        for table in unprotected(tree) {
            self.tables.entry(table).or_default().kind = None;
        }
        let whole = text(tree);
        let named = literals(tree);
        let mut say = |name: &str, kind: &str| {
            self.tables.entry(name.to_owned()).or_default().kind = Some(kind.to_owned());
        };
        for kind in ["tenant", "global"] {
            if let Some(table) =
                named.first().filter(|_| whole.starts_with(&format!("callops.protect_{kind}_table(")))
            {
                say(table, kind);
            }
        }
        for row in all(tree, SyntaxKind::ROW).filter(|_| whole.starts_with("insertintoops.table_kinds")) {
            if let [table, kind] = literals(&row).as_slice() {
                say(table, kind);
            }
        }
        if let [kind, table] = named.as_slice()
            && whole.starts_with("updateops.table_kindssetkind=")
        {
            say(table, kind);
        }
    }
}

pub(crate) fn is_function(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::CREATE_FUNCTION | SyntaxKind::CREATE_PROCEDURE)
}

/// Whether the function sets its own `search_path`.
pub(crate) fn pins_search_path(function: &SyntaxNode) -> bool {
    all(function, SyntaxKind::SET_FUNC_OPTION).any(|option| text(&option).starts_with("setsearch_path"))
}
