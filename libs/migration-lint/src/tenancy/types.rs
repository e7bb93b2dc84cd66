//! Types that cannot be sharded, altered or indexed under row security.

use squawk_syntax::SyntaxKind;

use super::Reader;
use crate::tree::{all, text};

const SERIAL: [&str; 6] = ["serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"];

pub(super) fn check(reader: &mut Reader<'_>) {
    let tree = reader.tree.clone();
    let words = reader.words();
    let is_enum = words.starts_with(&["create", "type"]) && words.contains(&"enum");
    let is_domain = words.starts_with(&["create", "domain"]);
    if is_enum {
        reader.find("no-enum", &tree, "use text with a check constraint");
    }
    if is_domain {
        reader.find("no-domain", &tree, "use the type itself, with a check constraint");
    }
    for kind in all(&tree, SyntaxKind::PATH_TYPE) {
        let name = text(&kind);
        let name = name.rsplit('.').next().unwrap_or_default();
        if name == "citext" {
            reader.find("no-citext", &kind, "use text, and a column generated as lower(…)");
        }
        if SERIAL.contains(&name) {
            reader.find("no-serial", &kind, "use uuid: the application makes UUIDv7");
        }
    }
    for identity in all(&tree, SyntaxKind::GENERATED_IDENTITY) {
        reader.find("no-serial", &identity, "use uuid: the application makes UUIDv7");
    }
    for exclude in all(&tree, SyntaxKind::EXCLUDE_CONSTRAINT) {
        reader.find("no-exclude", &exclude, "let the write path decide, with a lock on the parent's row");
    }
}
