//! Row security must be exactly what `ops.protect_tenant_table` creates.

use migrate::Script;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Reader;
use crate::{
    dropped::{dropped_by, unprotected},
    tree::{all, first, has, text},
};

pub(super) fn check(reader: &mut Reader<'_>) {
    let tree = reader.tree.clone();
    for policy in all(&tree, SyntaxKind::CREATE_POLICY).chain(all(&tree, SyntaxKind::ALTER_POLICY)) {
        check_policy(reader, &policy);
    }
    let words = reader.words();
    let weakens = match words.as_slice() {
        ["drop", "policy", ..] => Some("a policy is dropped"),
        ["alter", "policy", ..] => Some("a policy is changed"),
        ["alter", "table", .., "disable", "row", "level", "security"] => Some("row security is switched off"),
        ["alter", "table", .., "no", "force", "row", "level", "security"] => {
            Some("the owner would not be guarded")
        }
        ["set", rest @ ..] if rest.contains(&"row_security") => Some("row security is switched off"),
        ["set", rest @ ..] if rest.contains(&"session_replication_role") => {
            Some("triggers and keys are switched off")
        }
        ["delete" | "update", ..]
            if text(&tree).contains("ops.table_kinds")
                && !says_kind(&words)
                && !is_of_dropped(reader.script, &tree) =>
        {
            Some("a table's kind decides how it is checked")
        }
        _ => None,
    };
    if let Some(why) = weakens {
        reader.find("weakens-row-security", &tree, why);
    }
}

fn says_kind(words: &[&str]) -> bool {
    words.starts_with(&["update"]) && words.contains(&"kind")
}

/// Whether a down file removes only the kinds of tables that it also drops.
fn is_of_dropped(script: &Script, tree: &SyntaxNode) -> bool {
    if !script.file.ends_with(".down.sql") {
        return false;
    }
    let (taken_out, dropped) = (unprotected(tree), dropped_by(script));
    !taken_out.is_empty() && taken_out.iter().all(|table| dropped.contains(table))
}

fn check_policy(reader: &mut Reader<'_>, policy: &SyntaxNode) {
    let roles: Vec<_> = all(policy, SyntaxKind::ROLE_NAME_REF).map(|role| text(&role)).collect();
    if roles.is_empty() && policy.kind() == SyntaxKind::CREATE_POLICY
        || roles.iter().any(|role| role == "public")
    {
        reader.find("policy-for-public", policy, "say `to nexo_app`, or whichever role needs it");
    }
    // nexo_definer cannot log in: it owns the lookup functions, which return one row each.
    let of_lookups = !roles.is_empty() && roles.iter().all(|role| role == "nexo_definer");
    for kind in [SyntaxKind::USING_EXPR_CLAUSE, SyntaxKind::WITH_CHECK_EXPR_CLAUSE] {
        let Some(clause) = first(policy, kind) else { continue };
        let says = clause.children().next().map(|inner| text(&inner)).unwrap_or_default();
        if matches!(&*says, "true" | "(true)" | "1=1" | "(1=1)") && !of_lookups {
            reader.find("policy-always-true", &clause, "say whose rows they are: account_id = …");
        }
        if has(&clause, SyntaxKind::SELECT) {
            reader.find("policy-with-subselect", &clause, "compare columns with settings alone");
        }
    }
}
