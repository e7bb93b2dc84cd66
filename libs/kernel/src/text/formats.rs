//! The formats. Their checks are those of the validator crate where it has one.

use utoipa::openapi::{Object, ObjectBuilder, SchemaFormat};
use validator::{ValidateEmail as _, ValidateUrl as _};

use super::{Text, TextFormat, rule::TextRule};

/// Rules and an example of every format.
pub(super) const ALL: &[(&[TextRule], &str)] = &[
    (WebUrlFormat::RULES, WebUrlFormat::EXAMPLE),
    (EmailAddressFormat::RULES, EmailAddressFormat::EXAMPLE),
    (LoginEmailFormat::RULES, LoginEmailFormat::EXAMPLE),
    (PhoneNumberFormat::RULES, PhoneNumberFormat::EXAMPLE),
    (CurrencyCodeFormat::RULES, CurrencyCodeFormat::EXAMPLE),
];

/// An `http` or `https` URL, which is safe to link to.
pub type WebUrl = Text<WebUrlFormat>;
/// An e-mail address of a record. Its domain may be internationalized.
pub type EmailAddress = Text<EmailAddressFormat>;
/// An e-mail address that a user logs in with, without surrounding whitespace, such as the space that a phone
/// keyboard adds.
pub type LoginEmail = Text<LoginEmailFormat>;
/// A telephone number in any dialable form.
pub type PhoneNumber = Text<PhoneNumberFormat>;
/// A currency code (ISO 4217), such as `EUR`.
pub type CurrencyCode = Text<CurrencyCodeFormat>;

/// Format of [`WebUrl`].
#[derive(Debug)]
pub enum WebUrlFormat {}

impl TextFormat for WebUrlFormat {
    const NAME: &'static str = "WebUrl";
    const EXAMPLE: &'static str = "https://example.com";
    const RULES: &'static [TextRule] = &[
        TextRule {
            code: "length",
            message: "must have at most 500 characters",
            holds: |text| text.chars().count() <= 500,
        },
        TextRule {
            code: "url",
            message: "must be an address such as https://example.com",
            holds: |text| text.validate_url(),
        },
        TextRule {
            code: "web-address",
            message: "must begin with https:// or http://",
            holds: |text| {
                let lower = text.to_ascii_lowercase();
                lower.starts_with("https://") || lower.starts_with("http://")
            },
        },
    ];

    fn schema(string: ObjectBuilder) -> Object {
        string.format(Some(SchemaFormat::Custom("uri".to_owned()))).max_length(Some(500)).build()
    }
}

const EMAIL_LENGTH: TextRule = TextRule {
    code: "length",
    message: "must have at most 254 characters",
    holds: |text| text.chars().count() <= 254,
};
const EMAIL: TextRule =
    TextRule { code: "email", message: "must be an e-mail address", holds: |text| text.validate_email() };

fn email_schema(string: ObjectBuilder) -> Object {
    string.format(Some(SchemaFormat::Custom("email".to_owned()))).max_length(Some(254)).build()
}

/// Format of [`EmailAddress`].
#[derive(Debug)]
pub enum EmailAddressFormat {}

impl TextFormat for EmailAddressFormat {
    const NAME: &'static str = "EmailAddress";
    const EXAMPLE: &'static str = "ana@acme.test";
    const RULES: &'static [TextRule] = &[EMAIL_LENGTH, EMAIL];

    fn schema(string: ObjectBuilder) -> Object {
        email_schema(string)
    }
}

/// Format of [`LoginEmail`].
#[derive(Debug)]
pub enum LoginEmailFormat {}

impl TextFormat for LoginEmailFormat {
    const NAME: &'static str = "LoginEmail";
    const EXAMPLE: &'static str = "ana@acme.test";
    // PostgreSQL folds some other characters to ASCII ones (`İ` to `i`), so two addresses could become one user.
    // Internationalized domains have an ASCII form (IDNA, RFC 5891).
    const RULES: &'static [TextRule] = &[
        EMAIL_LENGTH,
        EMAIL,
        TextRule { code: "ascii", message: "must have no letters beyond ASCII", holds: str::is_ascii },
    ];

    fn normalize(text: String) -> String {
        if text.trim().len() == text.len() { text } else { text.trim().to_owned() }
    }

    fn schema(string: ObjectBuilder) -> Object {
        email_schema(string)
    }
}

/// Format of [`PhoneNumber`].
#[derive(Debug)]
pub enum PhoneNumberFormat {}

impl TextFormat for PhoneNumberFormat {
    const NAME: &'static str = "PhoneNumber";
    const EXAMPLE: &'static str = "+49 30 901820";
    const RULES: &'static [TextRule] = &[TextRule {
        code: "length",
        message: "must have from 1 to 50 characters",
        holds: |text| (1..=50).contains(&text.chars().count()),
    }];

    fn schema(string: ObjectBuilder) -> Object {
        string.min_length(Some(1)).max_length(Some(50)).build()
    }
}

/// Format of [`CurrencyCode`].
#[derive(Debug)]
pub enum CurrencyCodeFormat {}

impl TextFormat for CurrencyCodeFormat {
    const NAME: &'static str = "CurrencyCode";
    const EXAMPLE: &'static str = "EUR";
    const RULES: &'static [TextRule] = &[TextRule {
        code: "currency",
        message: "must be a code such as EUR",
        holds: |text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
    }];

    fn schema(string: ObjectBuilder) -> Object {
        string.pattern(Some("^[A-Z]{3}$")).min_length(Some(3)).max_length(Some(3)).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<F: TextFormat>(text: &str) -> Vec<&'static str> {
        let error = Text::<F>::try_from(text.to_owned()).err();
        error.iter().flat_map(|error| error.rules().map(|rule| rule.code)).collect()
    }

    #[test]
    fn an_example_follows_the_rules() {
        for (rules, example) in ALL {
            assert!(rules.iter().all(|rule| (rule.holds)(example)), "{example}");
        }
    }

    #[test]
    fn a_web_url_is_safe_to_link_to() {
        for text in ["https://a.test/b", "HTTP://a.test"] {
            assert!(codes::<WebUrlFormat>(text).is_empty(), "{text}");
        }
        for text in ["javascript:alert(1)", "ftp://a.test"] {
            assert_eq!(codes::<WebUrlFormat>(text), ["web-address"], "{text}");
        }
        assert_eq!(codes::<WebUrlFormat>("a.test"), ["url", "web-address"]);
        assert_eq!(codes::<WebUrlFormat>(&format!("https://a.test/{}", "b".repeat(500))), ["length"]);
    }

    #[test]
    fn an_email_address_may_be_internationalized_unless_it_is_of_a_login() {
        let idn = "ana@bücher.test";
        assert!(codes::<EmailAddressFormat>(idn).is_empty());
        assert_eq!(codes::<LoginEmailFormat>(idn), ["ascii"]);
        assert_eq!(codes::<EmailAddressFormat>("ana"), ["email"]);
        assert_eq!(codes::<EmailAddressFormat>(&"a".repeat(255)), ["length", "email"]);
        assert_eq!(codes::<EmailAddressFormat>(" ana@acme.test"), ["email"]);
        assert_eq!(LoginEmail::try_from(" ana@acme.test ".to_owned()).unwrap().as_str(), "ana@acme.test");
    }

    #[test]
    fn a_phone_number_has_a_length_and_a_currency_code_three_capitals() {
        assert!(codes::<PhoneNumberFormat>("(0)30/1-2").is_empty());
        for text in ["", &"1".repeat(51)] {
            assert_eq!(codes::<PhoneNumberFormat>(text), ["length"]);
        }
        for text in ["", "eur", "EURO", "€"] {
            assert_eq!(codes::<CurrencyCodeFormat>(text), ["currency"], "{text}");
        }
    }
}
