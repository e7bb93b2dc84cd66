//! squawk's rules about locks and data loss. Its style rules are disabled, and so are its own suppression
//! comments: only `nexo:allow`, which gives a reason, suppresses findings.

use migrate::Script;
use squawk_linter::{Linter, LinterSettings, Rule};
use squawk_syntax::SourceFile;

use crate::Finding;

/// Enabled rules of squawk.
pub(crate) const FOLLOWED: &[Rule] = &[
    Rule::AddingFieldWithDefault,
    Rule::AddingForeignKeyConstraint,
    Rule::AddingNotNullableField,
    Rule::AddingRequiredField,
    Rule::BanDropColumn,
    Rule::BanDropExtension,
    Rule::BanDropSchema,
    Rule::BanDropTable,
    Rule::BanSetSchema,
    Rule::BanTruncateCascade,
    Rule::ChangingColumnType,
    Rule::ConstraintMissingNotValid,
    Rule::DisallowedUniqueConstraint,
    Rule::PreferTimestampTz,
    Rule::RenamingColumn,
    Rule::RenamingTable,
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentPartitionDetach,
    Rule::RequireConcurrentReindex,
    Rule::RequireTableSchema,
];

pub(crate) fn check(script: &Script) -> Vec<Finding> {
    let text = script.text.replace("squawk-ignore", "squawk_ignore");
    let mut linter = Linter::from(FOLLOWED.iter().copied());
    linter.settings = LinterSettings {
        assume_in_transaction: !script.directives.no_transaction,
        ..LinterSettings::default()
    };
    let violations = linter.lint(&SourceFile::parse(&text), &text);
    violations
        .into_iter()
        .map(|violation| {
            let at = usize::from(violation.text_range.start());
            let statement = script.statements.iter().rposition(|statement| statement.at <= at).unwrap_or(0);
            let help = violation.help.map(|help| format!(" {help}")).unwrap_or_default();
            let message = format!("{}{help}", violation.message).replace('\n', " ");
            let finding = Finding::about(script, statement, &violation.code.to_string(), message);
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            Finding { line, ..finding }
        })
        .collect()
}
