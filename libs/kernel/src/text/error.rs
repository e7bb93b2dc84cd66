use std::fmt;

use super::{formats, rule::TextRule};

/// Rules that a text violates; at least one.
#[derive(Debug, Clone)]
pub struct TextError(Vec<&'static TextRule>);

const SEPARATOR: &str = "; ";

impl TextError {
    pub(super) fn find(rules: &'static [TextRule], text: &str) -> Option<Self> {
        let violated: Vec<_> = rules.iter().filter(|rule| !(rule.holds)(text)).collect();
        (!violated.is_empty()).then_some(Self(violated))
    }

    /// Recovers the error from its message, because an error of serde keeps nothing else. Also returns an example
    /// of the format.
    #[must_use]
    pub fn from_message(message: &str) -> Option<(Self, &'static str)> {
        formats::ALL.iter().find_map(|(rules, example)| {
            let rule = |part| rules.iter().find(|rule| rule.message == part);
            let violated: Option<Vec<_>> = message.split(SEPARATOR).map(rule).collect();
            Some((Self(violated?), *example))
        })
    }

    /// The violated rules, in the order of the format.
    pub fn rules(&self) -> impl Iterator<Item = &'static TextRule> {
        self.0.iter().copied()
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<_> = self.rules().map(|rule| rule.message).collect();
        f.write_str(&messages.join(SEPARATOR))
    }
}

impl std::error::Error for TextError {}

#[cfg(test)]
mod tests {
    use super::{super::WebUrl, *};

    #[test]
    fn a_message_leads_back_to_all_violated_rules() {
        let error = WebUrl::try_from(" ".repeat(501)).unwrap_err();
        let (found, _) = TextError::from_message(&error.to_string()).unwrap();
        let codes = |error: &TextError| error.rules().map(|rule| rule.code).collect::<Vec<_>>();
        assert_eq!(codes(&error), ["length", "url", "web-address"]);
        assert_eq!(codes(&found), codes(&error));
        assert!(TextError::from_message("invalid type: null, expected a string").is_none());
    }
}
