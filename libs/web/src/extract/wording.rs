//! Rewrites error messages of serde for API clients: they describe the expected form. Received values are not
//! echoed, because they may be passwords.

/// Describes the expected form for an error `message` of serde; `part` is `field` or `parameter`.
pub(super) fn wanted(message: &str, part: &str) -> String {
    if let Some((_, names)) = message.split_once("unknown field `") {
        return match names.split_once(", expected ") {
            Some((_, known)) => {
                let known = known.strip_prefix("one of ").unwrap_or(known).replace(" or ", ", ");
                format!("is not a {part} here; the {part}s are {known}")
            }
            None => format!("is not a {part} here; there are no {part}s"),
        };
    }
    if message.starts_with("UUID parsing failed") {
        return "must be a UUID".to_owned();
    }
    if is_of_time(message) {
        return "must be an instant such as 2026-01-31T17:00:00Z, with its offset from UTC".to_owned();
    }
    if message.starts_with("invalid digit") || message.starts_with("number too") {
        return "must be a whole number".to_owned();
    }
    if message.contains("`true` or `false`") {
        return "must be true or false".to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("must be {expected}"),
        None => message.to_owned(),
    }
}

/// Whether the message comes from the crate `time`, for a text that is not RFC 3339.
fn is_of_time(message: &str) -> bool {
    message.ends_with("component could not be parsed")
        || message.starts_with("a character literal was not valid")
        || message.starts_with("unexpected trailing characters")
        || message.contains(" must be in the range ")
        || message.contains(" was not in range")
        || message.contains("an RFC3339-formatted")
        || message.contains("`OffsetDateTime`")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use time::OffsetDateTime;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Task {
        #[expect(dead_code, reason = "only its reading matters")]
        #[serde(with = "time::serde::rfc3339")]
        due_at: OffsetDateTime,
    }

    #[test]
    fn the_message_for_an_invalid_instant_has_an_example() {
        for text in [
            "tomorrow",
            "",
            "2026-01-31",
            "2026-01-31T17:00:00",
            "2026-13-31T17:00:00Z",
            "2026-01-31T17:00:00Z!",
            "2026-02-30T17:00:00Z",
        ] {
            let error = serde_json::from_value::<Task>(serde_json::json!({ "due_at": text })).unwrap_err();
            let told = wanted(&error.to_string(), "field");
            assert!(told.starts_with("must be an instant such as"), "{text}: {told}");
        }
    }

    #[test]
    fn an_unknown_field_is_distinguished_from_an_unknown_value() {
        let told = wanted("unknown field `rol`, expected `email` or `role_id`", "field");
        assert_eq!(told, "is not a field here; the fields are `email`, `role_id`");
        let told = wanted("unknown field `x`, expected one of `a`, `b`, `c`", "parameter");
        assert_eq!(told, "is not a parameter here; the parameters are `a`, `b`, `c`");
        assert_eq!(
            wanted("unknown variant `pdf`, expected `csv` or `xlsx`", "parameter"),
            "must be `csv` or `xlsx`"
        );
        assert_eq!(wanted("UUID parsing failed: invalid length", "parameter"), "must be a UUID");
    }
}
