//! Tenancy rules: isolation of accounts, and a schema that is fit for restores and sharding.

mod functions;
mod keys;
mod names;
mod policies;
mod privileges;
mod tables;
mod types;

use migrate::{Script, Statement};
use squawk_syntax::SyntaxNode;

use crate::{
    Finding,
    known::KnownObjects,
    tree::{self, parse},
};

/// A statement under inspection, and its findings.
pub(crate) struct Reader<'r> {
    script: &'r Script,
    at: usize,
    statement: &'r Statement,
    tree: SyntaxNode,
    known: &'r KnownObjects,
    found: Vec<Finding>,
}

impl Reader<'_> {
    fn find(&mut self, rule: &str, node: &SyntaxNode, message: impl Into<String>) {
        let finding = Finding::about(self.script, self.at, rule, message);
        self.found.push(finding.at(self.statement, tree::start(node)));
    }

    fn words(&self) -> Vec<&str> {
        self.statement.words.iter().map(String::as_str).collect()
    }
}

pub(crate) fn check(script: &Script, known: &KnownObjects) -> Vec<Finding> {
    let statements = script.statements.iter().enumerate();
    statements.flat_map(|(at, statement)| one(script, at, statement, known)).collect()
}

fn one(script: &Script, at: usize, statement: &Statement, known: &KnownObjects) -> Vec<Finding> {
    let (tree, errors) = parse(&statement.text);
    let mut reader = Reader { script, at, statement, tree, known, found: Vec::new() };
    // Errors after the first are consequential.
    if let Some(error) = errors.into_iter().next() {
        let whole = reader.tree.clone();
        reader.find("syntax-error", &whole, error);
    }
    for check in [
        tables::check,
        keys::check,
        types::check,
        policies::check,
        privileges::check,
        functions::check,
        names::check,
    ] {
        check(&mut reader);
    }
    reader.found
}
