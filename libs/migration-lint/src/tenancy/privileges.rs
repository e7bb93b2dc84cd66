//! Privileges: none that bypass row security, and none that a dump does not contain.

use squawk_syntax::SyntaxKind;

use super::Reader;
use crate::tree::has;

const PAST_ROW_SECURITY: [&str; 5] = ["truncate", "references", "trigger", "all", "maintain"];
const MIGHTY: [&str; 3] = ["bypassrls", "superuser", "replication"];

pub(super) fn check(reader: &mut Reader<'_>) {
    let tree = reader.tree.clone();
    let words = reader.words();
    match words.as_slice() {
        ["grant", rest @ ..] | ["alter", "default", "privileges", rest @ ..] => {
            let on = rest.iter().position(|word| *word == "on");
            let privileges = rest.iter().take(on.unwrap_or(0));
            let too_much = privileges.filter(|word| PAST_ROW_SECURITY.contains(word)).copied().next();
            let to_public = rest.iter().rev().take_while(|word| **word != "to").any(|word| *word == "public");
            let membership =
                words.starts_with(&["grant"]) && !has(&tree, SyntaxKind::ON_PRIVILEGE_OBJECTS_CLAUSE);
            if let Some(privilege) = too_much {
                let message =
                    format!("{} is more than select, insert, update, delete", privilege.to_uppercase());
                reader.find("grants-too-much", &tree, message);
            }
            if to_public {
                reader.find("grants-too-much", &tree, "PUBLIC is everyone: name the role");
            }
            if membership && on.is_none() {
                reader.find(
                    "role-or-system-change",
                    &tree,
                    "memberships of roles are made where the cluster is prepared",
                );
            }
        }
        ["create" | "alter" | "drop", "role" | "user" | "group", rest @ ..] => {
            let rule = if rest.iter().any(|word| MIGHTY.contains(word)) {
                "grants-bypassrls"
            } else {
                "role-or-system-change"
            };
            reader.find(rule, &tree, "roles are made where the cluster is prepared, not by a migration");
        }
        ["create" | "alter" | "drop", "system" | "database" | "tablespace" | "subscription", ..] => {
            reader.find("role-or-system-change", &tree, "this belongs to the server, not to the database");
        }
        _ => {}
    }
}
