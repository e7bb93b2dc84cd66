/// A rule of the linter.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Name of the rule, as used in `nexo:allow`.
    pub name: &'static str,
    /// Explanation of the rule.
    pub meaning: &'static str,
    /// Whether a statement may be allowed to violate it.
    pub silent: bool,
    /// Whether only a server can detect violations.
    pub tried: bool,
}

const fn rule(name: &'static str, meaning: &'static str) -> Rule {
    Rule { name, meaning, silent: true, tried: false }
}

const fn firm(name: &'static str, meaning: &'static str) -> Rule {
    Rule { name, meaning, silent: false, tried: false }
}

const fn tried(name: &'static str, meaning: &'static str) -> Rule {
    Rule { name, meaning, silent: true, tried: true }
}

/// All rules: those of tenancy, of the trace on a scratch server, and the enabled ones of squawk.
pub const RULES: &[Rule] = &[
    rule("unprotected-table", "a table that no procedure protects shows every account's rows to everyone"),
    rule("unknown-table-kind", "a table is tenant, global or local, in schema app, app_parts or ops"),
    rule(
        "kind-without-table",
        "a table that is dropped leaves its kind, unless ops.unprotect_table takes it out",
    ),
    rule("key-without-account", "a key, index or reference that account_id does not lead crosses accounts"),
    rule("set-null-reference", "ON DELETE SET NULL on a composite key sets account_id to null too"),
    rule("no-enum", "an enum cannot lose a value, and is not leakproof: use text and a check"),
    rule("no-citext", "citext is not leakproof, so that no index serves it: use a generated lower() column"),
    rule("no-serial", "a sequence counts for all accounts together, and on one machine only: use UUIDv7"),
    rule("no-domain", "a domain cannot be changed without reading every table that uses it"),
    rule("no-exclude", "an EXCLUDE constraint cannot be sharded by account"),
    rule("policy-for-public", "a policy is for named roles"),
    rule("policy-always-true", "a policy that is always true shows everything to its roles"),
    rule(
        "policy-with-subselect",
        "a sub-select in a policy runs for every row, under the policies of other tables",
    ),
    rule(
        "weakens-row-security",
        "row security is enabled, forced, and guarded by tenant_guard on every tenant table",
    ),
    rule("grants-too-much", "TRUNCATE, REFERENCES, TRIGGER and grants to PUBLIC reach past row security"),
    rule("grants-bypassrls", "a role with BYPASSRLS or SUPERUSER sees every account"),
    rule(
        "definer-search-path",
        "a function that runs as its owner calls whatever its caller's search path finds",
    ),
    rule("definer-view", "a view without security_invoker shows its owner's rows"),
    rule("materialized-view", "a materialized view has no row security"),
    rule("search-path-dependent", "a dump restores with an empty search path: the table would be missing"),
    rule("long-identifier", "names are at most 50 bytes, so that what is derived from them fits into 63"),
    rule("role-or-system-change", "roles and settings of the server are not in a dump of the database"),
    firm("syntax-error", "it is not SQL"),
    firm("unknown-rule", "nexo:allow names a rule that there is not"),
    firm("unused-allow", "nexo:allow stands before a statement that does not break the rule"),
    firm("does-not-run", "the server refuses it"),
    firm("breaks-isolation", "services do not start on a database that does not keep accounts apart"),
    firm(
        "not-reversed",
        "a down file gives back the catalogue of before its migration, which can then be applied again",
    ),
    tried("rewrites-table", "the table is rewritten, row by row, and cannot be read meanwhile"),
    tried("scans-under-lock", "the table is read from end to end while others cannot write it"),
    rule("adding-field-with-default", "a volatile default writes every row"),
    rule(
        "adding-foreign-key-constraint",
        "both tables are locked while every row is checked: add it NOT VALID, then validate",
    ),
    rule(
        "adding-not-nullable-field",
        "every row is checked, and reads are blocked meanwhile: use a validated check first",
    ),
    rule(
        "adding-required-field",
        "a new column that is NOT NULL without a default fails on rows that are there",
    ),
    rule("ban-drop-column", "running releases still select it; and its values are lost"),
    rule("ban-drop-extension", "what depends on it is lost"),
    rule("ban-drop-schema", "what is in it is lost"),
    rule("ban-drop-table", "running releases still use it; and its rows are lost"),
    rule("ban-set-schema", "running releases look for it where it was"),
    rule("ban-truncate-cascade", "tables that refer to it are emptied as well"),
    rule("changing-column-type", "the table is rewritten, and cannot be read meanwhile"),
    rule(
        "constraint-missing-not-valid",
        "every row is checked while others wait: add it NOT VALID, then validate",
    ),
    rule(
        "disallowed-unique-constraint",
        "writes are blocked while its index is built: build it concurrently first",
    ),
    rule("prefer-timestamp-tz", "an instant without a time zone is not one"),
    rule("renaming-column", "running releases use the old name"),
    rule("renaming-table", "running releases use the old name"),
    rule("require-concurrent-index-creation", "writes are blocked while it is built"),
    rule("require-concurrent-index-deletion", "reads are blocked while it waits"),
    rule("require-concurrent-partition-detach", "reads are blocked while it waits"),
    rule("require-concurrent-reindex", "writes are blocked meanwhile"),
    rule("require-table-schema", "where it is made depends on the search path"),
];

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn every_rule_of_squawk_that_is_followed_is_explained() {
        for rule in crate::squawk::FOLLOWED {
            assert!(RULES.iter().any(|known| known.name == rule.to_string()), "{rule}");
        }
    }
}
