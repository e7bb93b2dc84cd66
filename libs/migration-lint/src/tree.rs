//! Syntax trees of statements, and queries on them.

use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

/// The tree of a statement, and its syntax errors.
pub(crate) fn parse(statement: &str) -> (SyntaxNode, Vec<String>) {
    let parsed = SourceFile::parse(statement);
    let errors = parsed.errors().iter().map(|error| error.message().to_owned()).collect();
    (parsed.syntax_node(), errors)
}

/// All nodes of this kind, at any depth.
pub(crate) fn all(node: &SyntaxNode, kind: SyntaxKind) -> impl Iterator<Item = SyntaxNode> {
    node.descendants().filter(move |inner| inner.kind() == kind)
}

/// The first node of this kind, at any depth.
pub(crate) fn first(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    all(node, kind).next()
}

/// Whether there is a node of this kind, at any depth.
pub(crate) fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    first(node, kind).is_some()
}

/// Tokens of a node, without whitespace and comments.
pub(crate) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.as_token().cloned());
    tokens.filter(|token| !token.kind().is_trivia())
}

/// Normalized text of a node: lower case unless quoted, without whitespace and comments.
pub(crate) fn text(node: &SyntaxNode) -> String {
    tokens(node).map(|token| folded(token.text())).collect()
}

fn folded(token: &str) -> String {
    token
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .map_or_else(|| token.to_lowercase(), str::to_owned)
}

/// String literals in a node, without their quotes.
pub(crate) fn literals(node: &SyntaxNode) -> Vec<String> {
    let literals = all(node, SyntaxKind::LITERAL).map(|literal| literal.text().to_string());
    literals.filter_map(|text| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned())).collect()
}

/// Byte offset of the beginning of a node.
pub(crate) fn start(node: &SyntaxNode) -> usize {
    tokens(node).next().map_or(node.text_range().start(), |token| token.text_range().start()).into()
}
