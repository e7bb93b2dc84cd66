use migrate::Script;

use crate::{Finding, RULES};

/// Removes findings that `scripts` allow. An unused allowance is a finding itself, and so is one for an unknown
/// rule. `tried` means that `found` includes the findings of a server; otherwise violations of its rules are
/// unknown.
#[must_use]
pub fn settle<'s>(
    scripts: impl IntoIterator<Item = &'s Script>,
    mut found: Vec<Finding>,
    tried: bool,
) -> Vec<Finding> {
    let mut more = Vec::new();
    for script in scripts {
        for allow in &script.directives.allows {
            let rule = RULES.iter().find(|rule| rule.name == allow.rule);
            let silences = |finding: &Finding| {
                finding.file == script.file
                    && finding.statement == allow.statement
                    && finding.rule == allow.rule
            };
            let (wrong, message) = match rule {
                None => {
                    ("unknown-rule", format!("there is no rule {}: see `nexo db lint --rules`", allow.rule))
                }
                Some(rule) if !rule.silent => {
                    ("unused-allow", format!("{} cannot be allowed: {}", rule.name, rule.meaning))
                }
                Some(_) if found.iter().any(silences) => {
                    found.retain(|finding| !silences(finding));
                    continue;
                }
                Some(rule) if rule.tried && !tried => continue,
                Some(rule) => {
                    ("unused-allow", format!("the next statement does not break {}: delete this", rule.name))
                }
            };
            let finding = Finding::about(script, allow.statement, wrong, message);
            more.push(Finding { line: allow.line, ..finding });
        }
    }
    found.extend(more);
    found.sort_by(|one, other| (&one.file, one.line, &one.rule).cmp(&(&other.file, other.line, &other.rule)));
    found.dedup();
    found
}
